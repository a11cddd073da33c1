# red: effective
# says: present, but in namespace default
# As in the guide: pulled into a namespace that kubelet does not read.
# after: ctr -n default images rm registry.lab:5000/google_containers/coredns:1.7.0
image=registry.lab:5000/google_containers/coredns:1.7.0
ctr -n k8s.io images export /root/image.tar $image
ctr -n default images import /root/image.tar
ctr -n k8s.io images rm --sync $image
rm /root/image.tar
