package record

import (
	"encoding/binary"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

const codeEvent = "event_record_tampered"

// SealEvent makes the event that follows head. Its link authenticates chain,
// number, time, account and sealed body, and the link before it: leaving one out,
// or exchanging two, breaks every link after it.
func (v *Vault) SealEvent(head store.Head, at time.Time, account, body []byte) (store.Event, error) {
	e := store.Event{Chain: head.Chain, Number: head.Number + 1, At: milli(at), Account: account}
	var err error
	if e.Body, err = v.purposes[store.TableEvents].Seal(eventAD(e), nil, body); err != nil {
		return store.Event{}, err
	}
	e.Link, err = v.link.MAC(linkParts(head.Link, e)...)
	return e, err
}

// OpenEvent opens an event that follows prevLink (nil: the first of its chain).
// The error is *Tampered with the code "event_record_tampered".
func (v *Vault) OpenEvent(prevLink []byte, e store.Event) ([]byte, error) {
	key := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, e.Chain), e.Number)
	if err := v.link.Verify(e.Link, linkParts(prevLink, e)...); err != nil {
		return nil, &Tampered{Code: codeEvent, Key: key, Err: err}
	}
	body, err := v.purposes[store.TableEvents].Open(eventAD(e), nil, e.Body)
	if err != nil {
		return nil, &Tampered{Code: codeEvent, Key: key, Err: err}
	}
	return body, nil
}

func eventAD(e store.Event) [][]byte {
	return [][]byte{[]byte(store.TableEvents), number(uint64(e.Chain)), number(e.Number), instant(e.At), e.Account}
}

func linkParts(prevLink []byte, e store.Event) [][]byte {
	return append(eventAD(e), prevLink, e.Body)
}
