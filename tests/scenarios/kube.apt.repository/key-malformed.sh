# long
# red: declared
# says: found     malformed
echo '<html><h1>404 Not Found</h1></html>' >/etc/apt/keyrings/lab-kubernetes.asc
