package metrics

import "sync"

// maxCodes bounds how many codes are told apart. There are about a hundred; a set that
// somebody lets strangers write into would end here.
const maxCodes = 400

// maxCode bounds the length of one, in bytes.
const maxCode = 64

// other stands for whatever is not in a label's set.
const other = "other"

// bounded is a set of values of a label that is closed elsewhere. Here it is held to
// its shape and to a size.
type bounded struct {
	limit int

	mu    sync.RWMutex
	known map[string]bool
}

func newBounded(limit int) *bounded { return &bounded{limit: limit, known: make(map[string]bool)} }

// value is v, or other when v has not the shape of a code or there are too many.
func (b *bounded) value(v string) string {
	b.mu.RLock()
	known := b.known[v]
	b.mu.RUnlock()
	if known {
		return v
	}
	if !isCode(v) {
		return other
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.known[v] && len(b.known) >= b.limit {
		return other
	}
	b.known[v] = true
	return v
}

// isCode tells whether v is written like our codes: small letters, digits, underscores.
// An identifier, an address or a token is not, or is too long.
func isCode(v string) bool {
	if v == "" || len(v) > maxCode || v[0] < 'a' || v[0] > 'z' {
		return false
	}
	for _, c := range []byte(v) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
