package record

import "math"

// shape says how facts stand in a CBOR map: their fields, by ascending key. It is what
// the struct's tags say, in a form that needs no reflection.
type shape[T any] []field[T]

// field is one member of the map.
type field[T any] struct {
	key    uint64
	absent func(*T) bool // whether it is left out; nil: never
	put    func(*writer, *T)
	take   func(*reader, *T)
}

// encode makes the bytes of facts. The error is *Invalid for facts that would not decode
// again (text that is not UTF-8, a year beyond 9999): once sealed, such a row would read
// as tampered with for ever.
func (s shape[T]) encode(facts T) ([]byte, error) {
	w := writer{b: make([]byte, 0, 512)}
	s.put(&w, &facts)
	if w.err != nil {
		return nil, &Invalid{What: w.err.Error()}
	}
	return w.b, nil
}

func (s shape[T]) put(w *writer, facts *T) {
	n := 0
	for i := range s {
		if s[i].absent == nil || !s[i].absent(facts) {
			n++
		}
	}
	w.head(majorMap, uint64(n))
	for i := range s {
		if s[i].absent == nil || !s[i].absent(facts) {
			w.head(majorUint, s[i].key)
			s[i].put(w, facts)
		}
	}
}

// decode reads what encode made, and nothing else: no unknown field, no other order, no
// other encoding. The facts keep parts of b. A field that is not there is zero.
func (s shape[T]) decode(b []byte) (facts T, err error) {
	r := reader{b: b}
	s.take(&r, &facts)
	if r.bad || len(r.b) > 0 {
		var none T
		return none, errMalformed
	}
	return facts, nil
}

func (s shape[T]) take(r *reader, facts *T) {
	for n := r.expect(majorMap); n > 0; n-- {
		key := r.uint(math.MaxUint64)
		for len(s) > 0 && s[0].key < key {
			s = s[1:]
		}
		if len(s) == 0 || s[0].key != key || r.bad {
			r.fail()
			return
		}
		s[0].take(r, facts)
		s = s[1:]
	}
}

// kind is how values of one type are written and read.
type kind[V any] struct {
	put   func(*writer, V)
	take  func(*reader) V
	empty func(V) bool
}

// always is a field that is written whatever it says.
func always[T, V any](key uint64, k kind[V], at func(*T) *V) field[T] {
	return field[T]{
		key:  key,
		put:  func(w *writer, facts *T) { k.put(w, *at(facts)) },
		take: func(r *reader, facts *T) { *at(facts) = k.take(r) },
	}
}

// filled is a field that is left out when it is empty.
func filled[T, V any](key uint64, k kind[V], at func(*T) *V) field[T] {
	f := always(key, k, at)
	f.absent = func(facts *T) bool { return k.empty(*at(facts)) }
	return f
}

func zero[V comparable](v V) bool {
	var none V
	return v == none
}

func anInt[V ~int | ~int64]() kind[V] {
	return kind[V]{
		put: func(w *writer, v V) { w.int(int64(v)) },
		take: func(r *reader) V {
			n := r.int()
			if int64(V(n)) != n { // where an int is 32 bits
				r.fail()
			}
			return V(n)
		},
		empty: zero[V],
	}
}

func aUint[V ~uint32 | ~uint64]() kind[V] {
	return kind[V]{
		put:   func(w *writer, v V) { w.head(majorUint, uint64(v)) },
		take:  func(r *reader) V { return V(r.uint(uint64(^V(0)))) },
		empty: zero[V],
	}
}

func aText[V ~string]() kind[V] {
	return kind[V]{
		put:   func(w *writer, v V) { w.text(string(v)) },
		take:  func(r *reader) V { return V(r.text()) },
		empty: zero[V],
	}
}

// sixteen is an identifier: a string of 16 bytes.
func sixteen[V ~[16]byte]() kind[V] {
	return kind[V]{
		put: func(w *writer, v V) { w.bytes(v[:]) },
		take: func(r *reader) (v V) {
			if b := r.span(majorBytes); copy(v[:], b) != len(v) || len(b) != len(v) {
				r.fail()
			}
			return v
		},
		empty: zero[V],
	}
}

func aBool() kind[bool] {
	return kind[bool]{put: (*writer).bool, take: (*reader).bool, empty: zero[bool]}
}

func bytesKind() kind[[]byte] {
	return kind[[]byte]{put: (*writer).bytes, take: (*reader).bytes, empty: func(v []byte) bool { return len(v) == 0 }}
}

// list is an array of values of one kind; nil is null.
func list[V any](k kind[V]) kind[[]V] {
	return kind[[]V]{
		put: func(w *writer, v []V) {
			if v == nil {
				w.null()
				return
			}
			w.head(majorArray, uint64(len(v)))
			for i := range v {
				k.put(w, v[i])
			}
		},
		take: func(r *reader) []V {
			if r.simple(cborNull) {
				return nil
			}
			v := make([]V, r.expect(majorArray))
			for i := range v {
				v[i] = k.take(r)
			}
			return v
		},
		empty: func(v []V) bool { return len(v) == 0 },
	}
}

// group is facts within facts.
func group[V any](s shape[V]) kind[V] {
	return kind[V]{
		put:  func(w *writer, v V) { s.put(w, &v) },
		take: func(r *reader) (v V) { s.take(r, &v); return v },
	}
}
