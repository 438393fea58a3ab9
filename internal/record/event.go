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
	ad := eventAD(e)
	if e.Body, err = v.purposes[store.TableEvents].Seal(ad, nil, body); err != nil {
		return store.Event{}, err
	}
	e.Link, err = v.link.MAC(append(ad, head.Link, e.Body)...)
	return e, err
}

// OpenEvent opens an event that follows prevLink (nil: the first of its chain).
// The error is *Tampered with the code "event_record_tampered".
func (v *Vault) OpenEvent(prevLink []byte, e store.Event) ([]byte, error) {
	if err := v.link.Verify(e.Link, linkParts(prevLink, e)...); err != nil {
		return nil, &Tampered{Code: codeEvent, Key: eventKey(e), Err: err}
	}
	return v.OpenEventAlone(e)
}

// OpenEventAlone opens an event by itself. The seal holds chain, number, time and
// account: what it says was sealed for that place and for that person. That the place
// is the event's in an unbroken chain is what OpenEvent tells. Errors as OpenEvent.
func (v *Vault) OpenEventAlone(e store.Event) ([]byte, error) {
	body, err := v.purposes[store.TableEvents].Open(eventAD(e), nil, e.Body)
	if err != nil {
		return nil, &Tampered{Code: codeEvent, Key: eventKey(e), Err: err}
	}
	return body, nil
}

func eventKey(e store.Event) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, e.Chain), e.Number)
}

// eventAD binds an event to its place, its time and whom it concerns. It has room for
// what the link covers beyond that.
func eventAD(e store.Event) [][]byte {
	n := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(e.Chain))
	n = binary.BigEndian.AppendUint64(n, e.Number)
	n = binary.BigEndian.AppendUint64(n, uint64(e.At.UnixMilli()))
	return append(make([][]byte, 0, 7), []byte(store.TableEvents), n[:8], n[8:16], n[16:], e.Account)
}

func linkParts(prevLink []byte, e store.Event) [][]byte {
	return append(eventAD(e), prevLink, e.Body)
}

// positionSize is the length of a position before it is sealed: time, chain, number.
const positionSize = 8 + 4 + 8

// SealPosition makes a position in the events of an account into what its person may
// carry: a number of an event would tell how much happens on the whole server.
func (v *Vault) SealPosition(account ID, p store.Position) ([]byte, error) {
	plain := binary.BigEndian.AppendUint32(instant(p.At), p.Chain)
	return v.purposes[store.TableEvents].Seal(positionAD(account), nil, append(plain, number(p.Number)...))
}

// OpenPosition is the inverse of SealPosition. Any error says that these bytes are not
// a position of that account.
func (v *Vault) OpenPosition(account ID, sealed []byte) (store.Position, error) {
	plain, err := v.purposes[store.TableEvents].Open(positionAD(account), nil, sealed)
	if err != nil {
		return store.Position{}, err
	}
	if len(plain) != positionSize {
		return store.Position{}, errColumns
	}
	return store.Position{
		At:     time.UnixMilli(int64(binary.BigEndian.Uint64(plain))).UTC(),
		Chain:  binary.BigEndian.Uint32(plain[8:]),
		Number: binary.BigEndian.Uint64(plain[12:]),
	}, nil
}

func positionAD(account ID) [][]byte {
	return [][]byte{[]byte(store.TableEvents), []byte("position"), account[:]}
}
