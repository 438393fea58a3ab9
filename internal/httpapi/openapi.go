package httpapi

import (
	_ "embed" // of the one source of the document
	"fmt"
	"net/http"

	"github.com/goccy/go-yaml"
)

// openapiSource is the document as people write it.
//
//go:embed openapi.yaml
var openapiSource []byte

// openapiJSON is the document as programs read it.
func openapiJSON() ([]byte, error) {
	text, err := yaml.YAMLToJSON(openapiSource)
	if err != nil {
		return nil, fmt.Errorf("httpapi: openapi.yaml: %w", err)
	}
	return text, nil
}

// openapi describes the API (OpenAPI 3.1). The document is translated when somebody
// first asks for it: most servers never are.
func (a *API) openapi(x *exchange, _ *http.Request) {
	text, err := a.document()
	if err != nil {
		a.fail(x, err)
		return
	}
	x.Header().Set("Cache-Control", documentCache)
	write(x, http.StatusOK, mediaJSON, text)
}
