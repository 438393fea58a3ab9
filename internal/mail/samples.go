package mail

import (
	"maps"
	"slices"
	"time"

	"github.com/keyturn/keyturn/internal/audit"
)

// told are the events that notices tell of in words of their own.
func told() []audit.Name {
	return []audit.Name{
		audit.PasskeyAdded, audit.PasskeyRemoved, audit.PasskeySuspended, audit.PasskeyRestored, audit.PasskeyRegressed,
		audit.AccountLinkMade, audit.AccountChanged, audit.RoleChanged, audit.AccountDisabled, audit.AccountEnabled,
		audit.AccountDeleted, audit.RecoveryUsed, audit.CodesMade, audit.HoldCancelled, audit.EmailAdded,
		audit.EmailRemoved, audit.NoticeUndone, audit.BrowserRemarked, audit.RefreshReused, audit.AllSignedOut, More,
	}
}

// samples are letters of every kind, about everything, with and without what a letter
// may lack, in every language: what a template must be able to write. Links lead to the
// pages at url.
func samples(url string) []Letter {
	at := time.Date(2026, time.November, 21, 14, 5, 0, 0, time.UTC)
	token := "#sample-DqI0b4ZSpHkK5r1nq3Qm7xwT9aV2cYfUe8LjGdBhXoM"
	full := Letter{
		To: "ana@example.com", Person: "ana", Subject: "Ana’s phone", Network: "192.0.2.17/32", At: at,
		Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
	}
	paths := map[Kind]struct {
		path string
		life time.Duration
	}{
		KindSignIn: {"/link", 10 * time.Minute}, KindSignUp: {"/link", 10 * time.Minute},
		KindProof: {"/confirm-email", 24 * time.Hour}, KindInvitation: {"/sign-up", 7 * 24 * time.Hour},
		KindEnrolment: {"/enrol", 30 * time.Minute}, KindNotice: {"/undo", UndoLife}, KindUsePasskey: {},
	}
	var out []Letter
	add := func(l Letter) {
		for _, l.Language = range Languages() {
			out = append(out, l)
		}
	}
	for _, kind := range kinds() {
		l := full
		l.Kind = kind
		if p := paths[kind]; p.path != "" {
			l.Link, l.Expires = url+p.path+token, at.Add(p.life)
		}
		if kind != KindNotice {
			add(l)
			continue
		}
		for _, about := range append(told(), "") {
			l.About, l.Subject = string(about), full.Subject
			if about == audit.RoleChanged {
				l.Subject = "support"
			}
			if about == audit.EmailAdded || about == audit.EmailRemoved {
				l.Subject = "ana@example.org"
			}
			add(l)
			bare := Letter{Kind: kind, About: l.About, To: l.To, At: at}
			add(bare)
			if about == audit.HoldCancelled || about == audit.NoticeUndone {
				ended := bare
				ended.CodesEnded = true
				add(ended)
			}
			if about == audit.PasskeyAdded {
				held := l
				held.HeldUntil, bare.HeldUntil = at.Add(24*time.Hour), at.Add(24*time.Hour)
				add(held)
				add(bare)
			}
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
