package store

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrMalformed: a verb that makes no sense, such as one with a zero OpID. It is a mistake
// of the program, no state makes it right, and a backend refuses it before it does
// anything.
var ErrMalformed = errors.New("store: malformed verb")

// Form gathers the first fault in how a verb is filled in.
type Form struct{ err error }

// Err wraps ErrMalformed; nil when there is no fault.
func (f *Form) Err() error { return f.err }

// Need demands that something holds; what says what is wrong when it does not.
func (f *Form) Need(holds bool, what string) {
	if !holds && f.err == nil {
		f.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
}

// Op demands an operation with an ID, and its event.
func (f *Form) Op(op OpID, event EventFunc) {
	f.Need(op != OpID{}, "the operation has no ID")
	f.Event(event)
}

// Event demands an event: no record, no action.
func (f *Form) Event(event EventFunc) { f.Need(event != nil, "no event") }

// Spend demands an expiry.
func (f *Form) Spend(s Spend) {
	f.Need(!s.Expires.IsZero() && s.Expires.UnixMilli() > 0, "the spend has no expiry, so it would be forgotten at once")
}

// Key demands a key.
func (f *Form) Key(key []byte, what string) { f.Need(len(key) > 0, what+" has no key") }

// Next demands that an edition replaces the row that was judged.
func (f *Form) Next(judged Ref, next Row, what string) {
	f.Key(judged.Key, what)
	f.Need(bytes.Equal(judged.Key, next.Key), what+" changes its key")
}

// Identifiers demands that all are of the account.
func (f *Form) Identifiers(account []byte, list []Identifier) {
	for _, i := range list {
		f.Key(i.Key, "an identifier")
		f.Need(bytes.Equal(i.Account, account), "an identifier belongs to another account")
	}
}

// Credential demands that it is of the account; nil is fine.
func (f *Form) Credential(account []byte, c *Credential) {
	if c == nil {
		return
	}
	f.Key(c.Key, "the credential")
	f.Need(bytes.Equal(c.Account, account), "the credential belongs to another account")
}

// Session demands that it is of the account; nil is fine.
func (f *Form) Session(account []byte, s *Session) {
	if s == nil {
		return
	}
	f.Key(s.Key, "the session")
	f.Need(bytes.Equal(s.Account, account), "the session belongs to another account")
}

// Check is ErrMalformed for a verb that no state makes right.
func (v SignUp) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	if v.Spend != nil {
		f.Spend(*v.Spend)
	}
	f.Key(v.Account.Key, "the account")
	f.Identifiers(v.Account.Key, v.Identifiers)
	for _, c := range v.Credentials() {
		f.Credential(v.Account.Key, &c)
	}
	f.Session(v.Account.Key, v.Session)
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v SignIn) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Spend(v.Spend)
	f.Key(v.Account.Key, "the account")
	f.Key(v.Use.Key, "the credential")
	f.Session(v.Account.Key, v.Session)
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v Regression) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Spend(v.Spend)
	f.Key(v.Account.Key, "the account")
	if v.Next != nil {
		f.Next(v.Account, *v.Next, "the account")
	}
	f.Next(v.Credential, v.Replace.Row, "the credential")
	f.Credential(v.Account.Key, &v.Replace)
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v Binding) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Spend(v.Spend)
	f.Next(v.Account, v.Next, "the account")
	f.Credential(v.Account.Key, &v.Credential)
	f.Session(v.Account.Key, v.Session)
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v Link) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Spend(v.Spend)
	f.Need(v.Account != nil || v.Session == nil, "a session without an account")
	if v.Account != nil {
		f.Key(v.Account.Key, "the account")
		f.Session(v.Account.Key, v.Session)
	}
	if v.Gives != nil {
		f.Key(v.Gives.Key, "the right")
	}
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v Standing) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Next(v.Account, v.Next, "the account")
	f.Next(v.Credential, v.Replace.Row, "the credential")
	f.Credential(v.Account.Key, &v.Replace)
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v Unbinding) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Next(v.Account, v.Next, "the account")
	f.Key(v.Credential, "the credential")
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v Renaming) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Key(v.Account.Key, "the account")
	f.Key(v.Credential, "the credential")
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v Deletion) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Key(v.Account.Key, "the account")
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v AccountChange) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	if v.Spend != nil {
		f.Spend(*v.Spend)
	}
	f.Next(v.Account, v.Next, "the account")
	f.Identifiers(v.Account.Key, v.Add)
	return f.err
}

// Check is ErrMalformed for a verb that no state makes right.
func (v SessionChange) Check() error {
	var f Form
	f.Op(v.Op, v.Event)
	f.Key(v.Old, "the session")
	if v.New != nil {
		f.Key(v.New.Key, "the successor")
	}
	return f.err
}
