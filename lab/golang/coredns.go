// A stand-in for CoreDNS, which Debian does not have: flags and ports as kubeadm's Deployment uses them, and the A records of
// Services, and of what is behind headless ones, from a watch on the API server. It forwards nothing.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

func main() {
	file := flag.String("conf", "Corefile", "")
	flag.Parse()
	corefile, err := os.ReadFile(*file)
	check(err)
	domain := regexp.MustCompile(`kubernetes\s+(\S+)`).FindSubmatch(corefile)
	if domain == nil {
		log.Fatalf("%s: no kubernetes plugin with a domain", *file)
	}
	suffix := ".svc." + string(domain[1]) + "."

	config, err := rest.InClusterConfig()
	check(err)
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	services, endpoints := factory.Core().V1().Services(), factory.Core().V1().Endpoints()
	informed := []cache.SharedIndexInformer{services.Informer(), endpoints.Informer()} // before the factory starts what it has
	synced := func() bool { return informed[0].HasSynced() && informed[1].HasSynced() }
	factory.Start(nil)

	find := func(name string) ([]string, bool) {
		parts := strings.Split(strings.TrimSuffix(strings.ToLower(name), suffix), ".")
		if len(parts) != 2 || !strings.HasSuffix(strings.ToLower(name), suffix) {
			return nil, false
		}
		service, err := services.Lister().Services(parts[1]).Get(parts[0])
		if err != nil {
			return nil, false
		}
		if service.Spec.ClusterIP != v1.ClusterIPNone {
			return []string{service.Spec.ClusterIP}, true
		}
		var addresses []string
		if behind, err := endpoints.Lister().Endpoints(parts[1]).Get(parts[0]); err == nil {
			for _, subset := range behind.Subsets {
				for _, address := range subset.Addresses {
					addresses = append(addresses, address.IP)
				}
			}
		}
		return addresses, true
	}
	dns.HandleFunc(".", func(w dns.ResponseWriter, asked *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(asked)
		answer.Authoritative = true
		for _, question := range asked.Question {
			addresses, known := find(question.Name)
			if !known {
				answer.Rcode = dns.RcodeNameError
			}
			for _, address := range addresses {
				if question.Qtype == dns.TypeA {
					header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}
					answer.Answer = append(answer.Answer, &dns.A{Hdr: header, A: net.ParseIP(address)})
				}
			}
		}
		w.WriteMsg(answer)
	})

	health, ready := http.NewServeMux(), http.NewServeMux()
	health.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	ready.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !synced() {
			http.Error(w, "kubernetes", http.StatusServiceUnavailable)
		}
	})
	go func() { check(http.ListenAndServe(":8080", health)) }()
	go func() { check(http.ListenAndServe(":8181", ready)) }()
	go func() { check(dns.ListenAndServe(":53", "tcp", nil)) }()
	log.Print("CoreDNS-1.7.0, a stand-in")
	check(dns.ListenAndServe(":53", "udp", nil))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
