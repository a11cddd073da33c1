// A stand-in for Calico, which Debian does not have. As calico-node it finds its address the way IP_AUTODETECTION_METHOD says
// and fails as the real one does, makes the default IPPool, notes its address on its Node, keeps a TCP session to every other
// node on BGP's port, and answers BIRD's "show protocols". Pods are connected by a bridge and by routes to the other nodes'
// podCIDRs, where the real one has a network of its own.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	socket     = "/var/run/calico/bird.ctl"
	conflist   = "/host/etc/cni/net.d/10-calico.conflist"
	annotation = "projectcalico.org/IPv4Address"
)

func main() {
	switch program := filepath.Base(os.Args[0]); {
	case program == "check-status":
	case program == "kube-controllers":
		wait()
	case len(os.Args) > 1:
		probe(strings.Join(os.Args[1:], " "))
	default:
		node()
	}
}

func probe(flags string) {
	if strings.Contains(flags, "-bird") {
		connection, err := net.Dial("unix", socket)
		if err != nil {
			fmt.Println("calico/node is not ready: BIRD is not ready: Error querying BIRD: unable to connect to BIRDv4 socket:", err)
			os.Exit(1)
		}
		connection.Close()
	}
}

func node() {
	os.Remove(socket)
	device, address := autodetect(os.Getenv("IP_AUTODETECTION_METHOD"))
	log.Printf("[INFO] startup/startup.go 495: Using autodetected IPv4 address on interface %s: %s", device, address)

	config, err := rest.InClusterConfig()
	check(err)
	client, name := kubernetes.NewForConfigOrDie(config), os.Getenv("NODENAME")
	pools := dynamic.NewForConfigOrDie(config)
	for err := pool(pools); err != nil; err = pool(pools) { // as WAIT_FOR_DATASTORE has it: kube-proxy may start later
		log.Printf("[INFO] startup/startup.go 535: Waiting for datastore connection: %v", err)
		time.Sleep(time.Second)
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"%s":"%s"}}}`, annotation, address)
	_, err = client.CoreV1().Nodes().Patch(context.TODO(), name, types.MergePatchType, []byte(patch), meta.PatchOptions{}, "status")
	check(err)

	peers := &mesh{own: address.IP, up: map[string]string{}, n: map[string]int{}}
	go peers.accept()
	go bird(peers)
	factory := informers.NewSharedInformerFactory(client, 0)
	nodes := factory.Core().V1().Nodes().Lister()
	factory.Start(nil)
	factory.WaitForCacheSync(nil)
	go func() {
		for ; ; time.Sleep(time.Second) {
			all, _ := nodes.List(labels.Everything())
			for _, each := range all {
				if each.Spec.PodCIDR == "" {
					continue
				}
				if each.Name == name {
					connect(each.Spec.PodCIDR)
				} else if at, _, err := net.ParseCIDR(each.Annotations[annotation]); err == nil {
					peers.call(at)
					_, pods, err := net.ParseCIDR(each.Spec.PodCIDR)
					check(err)
					if err := netlink.RouteReplace(&netlink.Route{Dst: pods, Gw: at}); err != nil {
						log.Printf("[WARNING] route to %s via %s: %v", pods, at, err)
					}
				}
			}
		}
	}()
	wait()
}

// autodetect returns the interface and address that the method finds, or ends as calico-node does.
func autodetect(method string) (string, *net.IPNet) {
	kind, argument := method, ""
	if at := strings.Index(method, "="); at >= 0 {
		kind, argument = method[:at], method[at+1:]
	}
	devices, err := net.Interfaces()
	check(err)
	skipped := regexp.MustCompile(`^(lo|docker.*|cbr.*|cni.*|veth.*|cali.*|tunl.*|flannel.*|virbr.*|br-.*|kube-ipvs.*|dummy.*)$`)
	find := func(fits func(net.Interface, *net.IPNet) bool) (string, *net.IPNet) {
		for _, device := range devices {
			addresses, _ := device.Addrs()
			for _, each := range addresses {
				if address, is := each.(*net.IPNet); is && address.IP.To4() != nil && !address.IP.IsLoopback() && fits(device, address) {
					return device.Name, address
				}
			}
		}
		log.Printf("[WARNING] startup/startup.go 500: Couldn't autodetect an IPv4 address. If auto-detecting, choose a different autodetection method. Otherwise provide an explicit address.")
		log.Printf("[WARNING] startup/startup.go 1375: Terminating")
		fmt.Println("Calico node failed to start")
		os.Exit(1)
		return "", nil
	}
	switch kind {
	case "", "first-found":
		return find(func(device net.Interface, _ *net.IPNet) bool { return !skipped.MatchString(device.Name) })
	case "interface":
		for _, pattern := range strings.Split(argument, ",") {
			wanted := regexp.MustCompile(pattern)
			for _, device := range devices {
				if wanted.MatchString(device.Name) {
					return find(func(each net.Interface, _ *net.IPNet) bool { return each.Name == device.Name })
				}
			}
		}
		log.Printf("[WARNING] startup/autodetection_methods.go 103: Unable to auto-detect an IPv4 address using interface regexes [%s]: no valid host interfaces found", argument)
		return find(func(net.Interface, *net.IPNet) bool { return false })
	case "skip-interface":
		wanted := regexp.MustCompile(strings.ReplaceAll(argument, ",", "|"))
		return find(func(device net.Interface, _ *net.IPNet) bool {
			return !skipped.MatchString(device.Name) && !wanted.MatchString(device.Name)
		})
	case "cidr":
		_, wanted, err := net.ParseCIDR(argument)
		check(err)
		return find(func(_ net.Interface, address *net.IPNet) bool { return wanted.Contains(address.IP) })
	case "can-reach":
		connection, err := net.Dial("udp", net.JoinHostPort(argument, "80"))
		check(err)
		own := connection.LocalAddr().(*net.UDPAddr).IP
		return find(func(_ net.Interface, address *net.IPNet) bool { return address.IP.Equal(own) })
	}
	log.Fatalf("[FATAL] startup/startup.go 462: Invalid IP autodetection method: %s", method)
	return "", nil
}

// pool makes the default IPPool of what the environment says, where there is none at all.
func pool(client dynamic.Interface) error {
	pools := client.Resource(schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "ippools"})
	found, err := pools.List(context.TODO(), meta.ListOptions{})
	if err != nil || len(found.Items) > 0 {
		return err
	}
	spec := map[string]interface{}{
		"cidr": env("CALICO_IPV4POOL_CIDR", "192.168.0.0/16"), "ipipMode": env("CALICO_IPV4POOL_IPIP", "Always"),
		"vxlanMode": env("CALICO_IPV4POOL_VXLAN", "Never"), "blockSize": int64(26), "natOutgoing": true, "nodeSelector": "all()",
	}
	_, err = pools.Create(context.TODO(), &unstructured.Unstructured{Object: map[string]interface{}{
		"apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool",
		"metadata": map[string]interface{}{"name": "default-ipv4-ippool"}, "spec": spec,
	}}, meta.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// connect gives the pods of this node a bridge, by the CNI plugins that are on the host.
func connect(cidr string) {
	network, _ := json.Marshal(map[string]interface{}{
		"cniVersion": "0.4.0", "name": "k8s-pod-network", "plugins": []map[string]interface{}{
			{
				"type": "bridge", "bridge": "cali0", "isGateway": true, "forceAddress": true, "hairpinMode": true,
				"ipam": map[string]interface{}{
					"type": "host-local", "ranges": [][]map[string]string{{{"subnet": cidr}}}, "routes": []map[string]string{{"dst": "0.0.0.0/0"}},
				},
			},
			{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}},
		},
	})
	if old, err := os.ReadFile(conflist); err != nil || string(old) != string(network) {
		check(os.WriteFile(conflist+".new", network, 0o644))
		check(os.Rename(conflist+".new", conflist))
	}
}

// mesh holds the sessions with the other nodes: the one with the lower address calls.
type mesh struct {
	sync.Mutex
	own net.IP
	up  map[string]string // address of the other node to the time since when, or nothing
	n   map[string]int    // and to the sessions with it: after a restart the old one may end last
}

func (m *mesh) accept() {
	listener, err := net.Listen("tcp", net.JoinHostPort(m.own.String(), "179"))
	check(err)
	for {
		connection, err := listener.Accept()
		check(err)
		go m.hold(connection)
	}
}

func (m *mesh) call(other net.IP) {
	m.Lock()
	since, known := m.up[other.String()]
	m.up[other.String()] = since
	m.Unlock()
	if known && since != "" || string(m.own.To4()) > string(other.To4()) {
		return
	}
	dialer := net.Dialer{Timeout: time.Second, LocalAddr: &net.TCPAddr{IP: m.own}}
	if connection, err := dialer.Dial("tcp", net.JoinHostPort(other.String(), "179")); err == nil {
		go m.hold(connection)
	}
}

func (m *mesh) hold(connection net.Conn) {
	other := connection.RemoteAddr().(*net.TCPAddr).IP.String()
	m.note(other, 1)
	for buffer := make([]byte, 1); ; {
		connection.SetDeadline(time.Now().Add(5 * time.Second)) // BGP's hold time, shorter
		if _, err := connection.Write([]byte{0}); err != nil {
			break
		}
		if _, err := connection.Read(buffer); err != nil {
			break
		}
		time.Sleep(time.Second)
	}
	connection.Close()
	m.note(other, -1)
}

func (m *mesh) note(other string, sessions int) {
	m.Lock()
	defer m.Unlock()
	m.n[other] += sessions
	if m.n[other] == 0 {
		m.up[other] = ""
	} else if m.up[other] == "" {
		m.up[other] = time.Now().Format("15:04:05")
	}
}

// bird answers as BIRD does on its control socket.
func bird(peers *mesh) {
	listener, err := net.Listen("unix", socket)
	check(err)
	for {
		connection, err := listener.Accept()
		check(err)
		go func() {
			defer connection.Close()
			io.WriteString(connection, "0001 BIRD v0.3.3+birdv1.6.8 ready.\n")
			for lines := bufio.NewScanner(connection); lines.Scan(); {
				if !strings.HasPrefix(strings.TrimSpace(lines.Text()), "show protocols") {
					io.WriteString(connection, "9001 syntax error, unexpected CF_SYM\n")
					continue
				}
				io.WriteString(connection, "2002-name     proto    table    state  since       info\n1002-device1  Device   master   up     00:00:00    \n")
				peers.Lock()
				for other, since := range peers.up {
					state, info := "up", "Established"
					if since == "" {
						state, since, info = "start", "00:00:00", "Connect       Socket: Connection refused"
					}
					fmt.Fprintf(connection, " Mesh_%s BGP      master   %-6s %s    %s   \n", strings.ReplaceAll(other, ".", "_"), state, since, info)
				}
				peers.Unlock()
				io.WriteString(connection, "0000 \n")
			}
		}()
	}
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func wait() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
