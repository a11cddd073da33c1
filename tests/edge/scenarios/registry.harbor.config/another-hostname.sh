# long
# at: reg1
# red: declared
# says: found     old.lab
sed -i 's/^hostname:.*/hostname: old.lab/' /apps/harbor/harbor.yml
