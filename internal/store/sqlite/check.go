package sqlite

import (
	"bytes"
	"fmt"

	"github.com/keyturn/keyturn/internal/store"
)

// form gathers the first fault in how a verb is filled in. Such a verb is refused
// before it is queued: it is a mistake of the program, and no state makes it right.
type form struct{ err error }

func (f *form) need(holds bool, what string) {
	if !holds && f.err == nil {
		f.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
}

func (f *form) op(op store.OpID, event store.EventFunc) {
	f.need(op != store.OpID{}, "the operation has no ID")
	f.event(event)
}

func (f *form) event(event store.EventFunc) { f.need(event != nil, "no event") }

func (f *form) spend(s store.Spend) {
	f.need(millis(s.Expires) > 0, "the spend has no expiry, so it would be forgotten at once")
}

func (f *form) key(key []byte, what string) { f.need(len(key) > 0, what+" has no key") }

// next demands that an edition replaces the row that was judged.
func (f *form) next(judged store.Ref, next store.Row, what string) {
	f.key(judged.Key, what)
	f.need(bytes.Equal(judged.Key, next.Key), what+" changes its key")
}

func (f *form) identifiers(account []byte, list []store.Identifier) {
	for _, i := range list {
		f.key(i.Key, "an identifier")
		f.need(bytes.Equal(i.Account, account), "an identifier belongs to another account")
	}
}

func (f *form) credential(account []byte, c *store.Credential) {
	if c == nil {
		return
	}
	f.key(c.Key, "the credential")
	f.need(bytes.Equal(c.Account, account), "the credential belongs to another account")
}

func (f *form) session(account []byte, s *store.Session) {
	if s == nil {
		return
	}
	f.key(s.Key, "the session")
	f.need(bytes.Equal(s.Account, account), "the session belongs to another account")
}

func checkSignUp(v store.SignUp) error {
	var f form
	f.op(v.Op, v.Event)
	if v.Spend != nil {
		f.spend(*v.Spend)
	}
	f.key(v.Account.Key, "the account")
	f.identifiers(v.Account.Key, v.Identifiers)
	for _, c := range v.Credentials() {
		f.credential(v.Account.Key, &c)
	}
	f.session(v.Account.Key, v.Session)
	return f.err
}

func checkSignIn(v store.SignIn) error {
	var f form
	f.op(v.Op, v.Event)
	f.spend(v.Spend)
	f.key(v.Account.Key, "the account")
	f.key(v.Use.Key, "the credential")
	f.session(v.Account.Key, v.Session)
	return f.err
}

func checkRegression(v store.Regression) error {
	var f form
	f.op(v.Op, v.Event)
	f.spend(v.Spend)
	f.key(v.Account.Key, "the account")
	if v.Next != nil {
		f.next(v.Account, *v.Next, "the account")
	}
	f.next(v.Credential, v.Replace.Row, "the credential")
	f.credential(v.Account.Key, &v.Replace)
	return f.err
}

func checkBinding(v store.Binding) error {
	var f form
	f.op(v.Op, v.Event)
	f.spend(v.Spend)
	f.next(v.Account, v.Next, "the account")
	f.credential(v.Account.Key, &v.Credential)
	f.session(v.Account.Key, v.Session)
	return f.err
}

func checkLink(v store.Link) error {
	var f form
	f.op(v.Op, v.Event)
	f.spend(v.Spend)
	f.need(v.Account != nil || v.Session == nil, "a session without an account")
	if v.Account != nil {
		f.key(v.Account.Key, "the account")
		f.session(v.Account.Key, v.Session)
	}
	if v.Gives != nil {
		f.key(v.Gives.Key, "the right")
	}
	return f.err
}

func checkStanding(v store.Standing) error {
	var f form
	f.op(v.Op, v.Event)
	f.next(v.Account, v.Next, "the account")
	f.next(v.Credential, v.Replace.Row, "the credential")
	f.credential(v.Account.Key, &v.Replace)
	return f.err
}

func checkUnbinding(v store.Unbinding) error {
	var f form
	f.op(v.Op, v.Event)
	f.next(v.Account, v.Next, "the account")
	f.key(v.Credential, "the credential")
	return f.err
}

func checkRenaming(v store.Renaming) error {
	var f form
	f.op(v.Op, v.Event)
	f.key(v.Account.Key, "the account")
	f.key(v.Credential, "the credential")
	return f.err
}

func checkDeletion(v store.Deletion) error {
	var f form
	f.op(v.Op, v.Event)
	f.key(v.Account.Key, "the account")
	return f.err
}

func checkAccountChange(v store.AccountChange) error {
	var f form
	f.op(v.Op, v.Event)
	if v.Spend != nil {
		f.spend(*v.Spend)
	}
	f.next(v.Account, v.Next, "the account")
	f.identifiers(v.Account.Key, v.Add)
	return f.err
}

func checkSessionChange(v store.SessionChange) error {
	var f form
	f.op(v.Op, v.Event)
	f.key(v.Old, "the session")
	if v.New != nil {
		f.key(v.New.Key, "the successor")
	}
	return f.err
}
