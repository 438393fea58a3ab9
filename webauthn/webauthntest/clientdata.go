package webauthntest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
)

// members is a JSON object whose order stays as written: a client serialises its
// data in a fixed order (§5.8.1.1), and verifiers may rely on it.
type members []member

type member struct {
	name  string
	value any
}

func (m *members) set(name string, value any) {
	for i := range *m {
		if (*m)[i].name == name {
			(*m)[i].value = value
			return
		}
	}
	*m = append(*m, member{name, value})
}

func (m *members) drop(name string) {
	*m = slices.DeleteFunc(*m, func(e member) bool { return e.name == name })
}

func (m members) marshal() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeJSON(&b, e.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := writeJSON(&b, e.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// writeJSON leaves < > & as they are, as §5.8.1.2 wants it.
func writeJSON(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("webauthntest: JSON: %w", err)
	}
	b.Truncate(b.Len() - 1) // the encoder's newline
	return nil
}

// clientData serialises what the client signs for (§5.8.1), with the plan's faults.
func (p *plan) clientDataJSON(ceremony string, challenge []byte, c Client) ([]byte, error) {
	m := members{
		{"type", ceremony},
		{"challenge", encode64(challenge)},
		{"origin", c.Origin},
		{"crossOrigin", c.CrossOrigin},
	}
	if c.TopOrigin != "" {
		m = append(m, member{"topOrigin", c.TopOrigin})
	}
	apply(p.clientData, &m)
	b, err := m.marshal()
	if err != nil {
		return nil, err
	}
	return applyBytes(p.clientDataBytes, b), nil
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
