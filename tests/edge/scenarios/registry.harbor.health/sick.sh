# at: reg1
# red: effective
# says: redis of Harbor
# says: found     unhealthy: no route to it
# advice
# after: rm /data/health.json && /apps/harbor/prepare
sed -i 's/"status":"healthy"},{"name":"redis","status":"healthy"/"status":"healthy"},{"name":"redis","status":"unhealthy","error":"no route to it"/; s/{"status":"healthy"/{"status":"unhealthy"/' /data/health.json
