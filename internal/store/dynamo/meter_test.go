package dynamo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// meter adds up what requests cost. What the table costs, the server of the tests says;
// what the indexes cost it does not, so that is reckoned by the rule that DynamoDB states:
// a unit for an entry that comes or goes, two for one that moves, none for one that stays.
type meter struct {
	mu      sync.Mutex
	reads   float64
	writes  float64
	indexes float64
	entries map[string][2]string // of the two indexes, by the key of their item
}

// attributes is an item as it is sent.
type attributes map[string]json.RawMessage

func (a attributes) place() string { return string(a[attrPart]) + string(a[attrSort]) }

func (a attributes) entries() (e [2]string) {
	if a[attrList] != nil && a[attrOrder] != nil {
		e[0] = string(a[attrList]) + string(a[attrOrder])
	}
	if a[attrLane] != nil && a[attrDue] != nil {
		e[1] = string(a[attrLane]) + string(a[attrDue])
	}
	return e
}

// read reads what was asked and answered.
func (m *meter) read(r request, asked []byte, response *http.Response) error {
	answered, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(answered))
	if err != nil || response.StatusCode != http.StatusOK {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	units := consumed(answered)
	if r.writes {
		m.writes += units
	} else {
		m.reads += units
	}
	var q struct {
		Item, Key    attributes
		RequestItems map[string]json.RawMessage
	}
	if err := json.Unmarshal(asked, &q); err != nil {
		return err
	}
	switch r.operation {
	case "PutItem":
		m.move(q.Item.place(), q.Item.entries())
	case "DeleteItem":
		m.move(q.Key.place(), [2]string{})
	case "BatchWriteItem":
		for _, raw := range q.RequestItems {
			var list []struct{ PutRequest struct{ Item attributes } }
			if err := json.Unmarshal(raw, &list); err != nil {
				return err
			}
			for _, i := range list {
				m.move(i.PutRequest.Item.place(), i.PutRequest.Item.entries())
			}
		}
	}
	return nil
}

// move reckons what it costs that an item's entries are others now.
func (m *meter) move(place string, now [2]string) {
	before := m.entries[place]
	for n := range now {
		switch {
		case before[n] == now[n]:
		case before[n] == "" || now[n] == "":
			m.indexes++
		default:
			m.indexes += 2
		}
	}
	if m.entries == nil {
		m.entries = map[string][2]string{}
	}
	m.entries[place] = now
}

// consumed is what the server says of the table; a batch tells of several tables.
func consumed(answer []byte) (units float64) {
	type capacity struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity capacity }
	if json.Unmarshal(answer, &one) == nil {
		return one.ConsumedCapacity.CapacityUnits
	}
	var several struct{ ConsumedCapacity []capacity }
	if json.Unmarshal(answer, &several) == nil {
		for _, c := range several.ConsumedCapacity {
			units += c.CapacityUnits
		}
	}
	return units
}

// take returns what was added up since the last call.
func (m *meter) take() (reads, table, indexes float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	reads, table, indexes = m.reads, m.writes, m.indexes
	m.reads, m.writes, m.indexes = 0, 0, 0
	return reads, table, indexes
}
