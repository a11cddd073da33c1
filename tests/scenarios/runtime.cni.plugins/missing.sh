# red: effective
# says: without bridge, portmap
rm /opt/cni/bin/bridge /opt/cni/bin/portmap
