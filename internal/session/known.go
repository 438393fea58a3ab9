package session

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"io"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/internal/record"
)

// A browser that has signed somebody in carries a cookie that says so, so that strangers
// who use up what is allowed in that person's name leave this browser its own share, and
// so that people are told of a sign-in from a browser that they have not used. It gives
// no authority: whoever has it is nobody yet.
//
// Its value is nonce ‖ entry…, the newest first. An entry is a keyed hash of the nonce
// with an account or an address, so the cookies of two browsers have nothing in common,
// and nobody can make an entry or learn from one whose it is.

const (
	knownNonce = 16 // bytes
	knownEntry = 16 // bytes: 128 bits cannot be guessed
	knownMost  = 16 // entries; the oldest drop
)

// The purposes of entries.
const (
	knownAccount = "known-account"
	knownAddress = "known-address"
)

// known is a cookie taken apart. The zero known recognizes nobody.
type known struct {
	nonce   []byte
	entries [][]byte
}

// parseKnown takes a cookie apart; whatever is not of its form recognizes nobody.
func parseKnown(value string) known {
	if len(value) > cookieEncoding.EncodedLen(knownNonce+knownMost*knownEntry) || strings.ContainsAny(value, "\r\n") {
		return known{}
	}
	raw, err := cookieEncoding.DecodeString(value)
	if err != nil || len(raw) <= knownNonce || (len(raw)-knownNonce)%knownEntry != 0 {
		return known{}
	}
	return known{nonce: raw[:knownNonce], entries: slices.Collect(slices.Chunk(raw[knownNonce:], knownEntry))}
}

func (n known) format() string {
	return cookieEncoding.EncodeToString(slices.Concat(n.nonce, slices.Concat(n.entries...)))
}

func (n known) has(entry []byte) bool {
	found := 0
	for _, e := range n.entries {
		found |= subtle.ConstantTimeCompare(e, entry)
	}
	return len(n.nonce) == knownNonce && found == 1
}

func (k *Keeper) knownEntry(purpose string, nonce, what []byte) []byte {
	return k.cfg.Vault.HashSecret(purpose, slices.Concat(nonce, what))[:knownEntry]
}

// knownAs is the account as entries name it. With the session epoch in it, whatever ends
// every session makes every browser a stranger again, that of a thief among them.
func knownAs(a record.Account) []byte {
	return binary.BigEndian.AppendUint64(a.Key(), a.SessionEpoch())
}

// folded is an address as entries name it: with its ASCII letters in lower case. Nothing
// else is folded, as two mailboxes may differ by it: a dotless i is no i.
func folded(address string) []byte {
	out := []byte(address)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + ('a' - 'A')
		}
	}
	return out
}

// Recognizes tells whether the browser with this cookie has signed the account in since
// its sessions were last ended all at once.
func (k *Keeper) Recognizes(cookie string, a record.Account) bool {
	n := parseKnown(cookie)
	return n.has(k.knownEntry(knownAccount, n.nonce, knownAs(a)))
}

// RecognizesAddress tells whether the browser with this cookie has signed in an account
// that had proved the address, whatever the case of its ASCII letters.
func (k *Keeper) RecognizesAddress(cookie, address string) bool {
	n := parseKnown(cookie)
	return n.has(k.knownEntry(knownAddress, n.nonce, folded(address)))
}

// Recognize is the cookie for a browser that has just signed the account in: what it
// recognized before, the account, and the account's proved addresses. It is empty when
// no randomness is to be had: the browser stays unknown.
func (k *Keeper) Recognize(cookie string, a record.Account) string {
	n := parseKnown(cookie)
	if n.nonce == nil {
		n.nonce = make([]byte, knownNonce)
		if _, err := io.ReadFull(k.cfg.Rand, n.nonce); err != nil {
			return ""
		}
	}
	fresh := [][]byte{k.knownEntry(knownAccount, n.nonce, knownAs(a))}
	for _, address := range a.Facts().Emails {
		fresh = append(fresh, k.knownEntry(knownAddress, n.nonce, folded(address)))
	}
	for _, e := range n.entries {
		if !slices.ContainsFunc(fresh, func(f []byte) bool { return bytes.Equal(f, e) }) {
			fresh = append(fresh, e)
		}
	}
	n.entries = fresh[:min(len(fresh), knownMost)]
	return n.format()
}
