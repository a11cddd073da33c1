// Encodes maps as JSON the way kube-apiserver does, while the garbage is collected: with a reflect2 that does not fit the
// compiler this crashes, or gives something else than Go's own encoder.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	jsoniter "github.com/json-iterator/go"
)

type metadata struct {
	Annotations map[string]string            `json:"annotations,omitempty"`
	Fields      map[string]map[string]string `json:"fields,omitempty"`
}

type object struct {
	Metadata metadata          `json:"metadata,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
}

func main() {
	apiserver := jsoniter.Config{EscapeHTML: true, SortMapKeys: true, ValidateJsonRawMessage: true, CaseSensitive: true}.Froze()
	for i := 0; i < 20000; i++ {
		text, nested := map[string]string{}, map[string]map[string]string{}
		for k := 0; k < 1+i%20; k++ {
			key := fmt.Sprint("k", k, "-", i)
			text[key], nested[key] = key, map[string]string{key: key}
		}
		value := object{metadata{text, nested}, text}
		got, err := apiserver.Marshal(&value)
		want, _ := json.Marshal(&value)
		if err != nil || string(got) != string(want) {
			fmt.Fprintln(os.Stderr, "reflect2 and", runtime.Version(), "do not fit each other")
			os.Exit(1)
		}
		if i%100 == 0 {
			runtime.GC()
		}
	}
}
