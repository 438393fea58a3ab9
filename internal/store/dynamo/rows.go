package dynamo

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/internal/store"
)

// The kinds of items, by the beginning of their partition key. They are in the table:
// they never change.
const (
	inAccounts    = "a/"
	inIdentifiers = "i/"
	inCredentials = "c/"
	inSessions    = "s/"
	inTickets     = "t/"
	inSpends      = "p/"
	inMails       = "o/"
	inHits        = "h/"
	inEvents      = "e/"
	inJournal     = "j/"
	inKeys        = "k"
	inMarkers     = "m"
	inMeta        = "meta"
)

// The kinds of lanes of the index "due".
const (
	dueSpends     = "p/"
	dueSessions   = "s/"
	dueTickets    = "t/"
	dueHits       = "h/"
	dueMails      = "o/"
	dueUnfinished = "u/"
)

// The attributes of rows.
const (
	attrVersion   = "v"
	attrBody      = "b"
	attrAccount   = "a"
	attrExpires   = "x" // sessions, tickets, spends: their end; hits: the end of every span; mails: due
	attrOp        = "op"
	attrState     = "st"
	attrSealed    = "se"
	attrName      = "na"
	attrLastUsed  = "lu"
	attrTimesUsed = "tu"
	attrVerb      = "vb"
	attrIssued    = "is"
	attrTaken     = "n"
	attrAt        = "m"
	attrLink      = "k"
	attrWrapped   = "kd" // the kind of a key
	attrNumber    = "no"
)

// forgotten is how long DynamoDB keeps what has expired beyond what Expire would: it is
// a second broom, and nobody trusts it.
const forgotten = 24 * time.Hour

func (i item) forget(at int64) {
	i.putMillis(attrTTL, at/1000+int64(forgotten/time.Second))
}

func single(kind string, key []byte) place { return place{kind + encode(key), alone} }

// keyOf is the key of a row that stands alone.
func keyOf(p place) []byte {
	_, key, _ := strings.Cut(p.part, "/")
	return decode(key)
}

func rowItem(r store.Row) item {
	i := item{}
	i.putNumber(attrVersion, r.Version)
	i.putBytes(attrBody, r.Body)
	return i
}

func rowOf(key []byte, i item) store.Row {
	return store.Row{Key: key, Version: i.number(attrVersion), Body: i.bytes(attrBody)}
}

func accountItem(r store.Row, op store.OpID) item {
	i := rowItem(r)
	i.putBytes(attrOp, op[:])
	i.list(inAccounts+lane(r.Key), r.Key)
	return i
}

func identifierItem(v store.Identifier) item {
	i := item{}
	i.putBytes(attrAccount, v.Account)
	i.putBytes(attrBody, v.Body)
	return i
}

func identifierOf(key []byte, i item) store.Identifier {
	return store.Identifier{Key: key, Account: i.bytes(attrAccount), Body: i.bytes(attrBody)}
}

func credentialItem(c store.Credential) item {
	i := rowItem(c.Row)
	i.putBytes(attrAccount, c.Account)
	i.putNumber(attrState, c.State)
	i.putBytes(attrSealed, c.Sealed)
	i.putBytes(attrName, c.Name)
	i.putTime(attrLastUsed, c.LastUsed)
	i.putNumber(attrTimesUsed, c.TimesUsed)
	return i
}

func credentialOf(key []byte, i item) store.Credential {
	return store.Credential{
		Row:       rowOf(key, i),
		Account:   i.bytes(attrAccount),
		State:     i.number(attrState),
		Sealed:    i.bytes(attrSealed),
		Name:      i.bytes(attrName),
		LastUsed:  i.time(attrLastUsed),
		TimesUsed: i.number(attrTimesUsed),
	}
}

func sessionItem(s store.Session) item {
	i := rowItem(s.Row)
	i.putBytes(attrAccount, s.Account)
	i.putTime(attrExpires, s.Expires)
	if len(s.Account) > 0 {
		i.list(inSessions+encode(s.Account), s.Key)
	}
	i.expires(dueSessions, s.Key, s.Expires)
	return i
}

// expires has a row swept, and forgotten, after its end.
func (i item) expires(kind string, key []byte, end time.Time) {
	if end.IsZero() {
		return
	}
	i.due(kind, key, end.UnixMilli())
	i.forget(end.UnixMilli())
}

func sessionOf(key []byte, i item) store.Session {
	return store.Session{Row: rowOf(key, i), Account: i.bytes(attrAccount), Expires: i.time(attrExpires)}
}

func ticketItem(k store.Ticket) item {
	i := rowItem(k.Row)
	i.putBytes(attrAccount, k.Account)
	i.putTime(attrExpires, k.Expires)
	i.list(inTickets+lane(k.Key), k.Key)
	i.expires(dueTickets, k.Key, k.Expires)
	return i
}

func ticketOf(key []byte, i item) store.Ticket {
	return store.Ticket{Row: rowOf(key, i), Account: i.bytes(attrAccount), Expires: i.time(attrExpires)}
}

func spendPlace(s store.Spend) place {
	return single(inSpends, append(ordered(orderedMillis(s.Expires.UnixMilli())), s.ID[:]...))
}

func spendItem(s store.Spend, op store.OpID, did verbName) item {
	i := item{}
	i.putBytes(attrOp, op[:])
	i.putNumber(attrVerb, uint64(did))
	i.putBytes(attrIssued, s.Issued)
	i.putTime(attrExpires, s.Expires)
	i.expires(dueSpends, s.ID[:], s.Expires.Add(store.SpendKept))
	return i
}

func mailItem(m store.Mail) item {
	i := item{}
	i.putBytes(attrBody, m.Body)
	i.putTime(attrExpires, m.Due)
	i.putNumber(attrTaken, uint64(m.Taken))
	i.due(dueMails, m.Key, max(m.Due.UnixMilli(), 0))
	return i
}

func mailOf(key []byte, i item) store.Mail {
	return store.Mail{Key: key, Body: i.bytes(attrBody), Due: i.time(attrExpires), Taken: uint32(i.number(attrTaken))}
}

// keyPlace has all keys in one partition, in their order: by kind, then by number.
func keyPlace(kind string, number uint32) place {
	return place{inKeys, kind + "\x00" + string(binary.BigEndian.AppendUint32(nil, number))}
}

// keyName is the key of a store.Key's row.
func keyName(kind string, number uint32) []byte {
	return strconv.AppendUint([]byte(kind+"/"), uint64(number), 10)
}

func keyItem(k store.Key) item {
	i := rowItem(k.Row)
	i.putText(attrWrapped, k.Kind)
	i.putNumber(attrNumber, uint64(k.Number))
	return i
}

func wrappedOf(i item) store.Key {
	k := store.Key{Kind: i.text(attrWrapped), Number: uint32(i.number(attrNumber))}
	k.Row = rowOf(keyName(k.Kind, k.Number), i)
	return k
}

func markerPlace(name []byte) place { return place{inMarkers, string(name)} }

func markerOf(p place, i item) store.Marker {
	return store.Marker{Name: p.sort, Row: rowOf([]byte(p.sort), i)}
}

// chainPart is the partition of a chain.
func chainPart(chain uint32) string { return inEvents + strconv.FormatUint(uint64(chain), 10) }

func eventPlace(chain uint32, number uint64) place {
	return place{chainPart(chain), string(ordered(number))}
}

func eventItem(e store.Event) item {
	i := item{}
	i.putTime(attrAt, e.At)
	i.putBytes(attrAccount, e.Account)
	i.putBytes(attrLink, e.Link)
	i.putBytes(attrBody, e.Body)
	if len(e.Account) > 0 {
		i.list(inEvents+encode(e.Account), positionOrder(store.Position{At: e.At, Chain: e.Chain, Number: e.Number}))
	}
	return i
}

func eventOf(chain uint32, i item) store.Event {
	return store.Event{
		Chain:   chain,
		Number:  numberOf(i),
		At:      i.time(attrAt),
		Account: i.bytes(attrAccount),
		Link:    i.bytes(attrLink),
		Body:    i.bytes(attrBody),
	}
}

// numberOf is the number of an event, which its place says.
func numberOf(i item) uint64 {
	sort := i.bytes(attrSort)
	if len(sort) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(sort)
}

// positionOrder sorts events of an account as store.Events.EventsOf wants them.
func positionOrder(p store.Position) []byte {
	var ms int64
	if !p.At.IsZero() {
		ms = p.At.UnixMilli()
	}
	b := ordered(orderedMillis(ms))
	b = binary.BigEndian.AppendUint32(b, p.Chain)
	return binary.BigEndian.AppendUint64(b, p.Number)
}

// chainOfPart reads the chain from its partition.
func chainOfPart(part string) uint32 {
	n, err := strconv.ParseUint(strings.TrimPrefix(part, inEvents), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
