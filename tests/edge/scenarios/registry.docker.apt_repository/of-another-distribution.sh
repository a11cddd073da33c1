# at: reg1
# red: declared
# says: expected  for debian bookworm
# says: found     for ubuntu: http://10.77.0.254:8000/docker-ce/linux/ubuntu
echo 'deb [trusted=yes] http://10.77.0.254:8000/docker-ce/linux/ubuntu bookworm stable' >/etc/apt/sources.list.d/docker.list
