package drills

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestRightsRace: of many who present one link, code, right or notice at the same
// moment, exactly one is served.
func TestRightsRace(t *testing.T) {
	d := begin(t, "race of mailed rights")
	o := openPostOffice(d)
	s := deploy(d, o.settings("KEYTURN_SIGN_UP=email", "KEYTURN_LINKS=always")...)
	r := &rights{d: d, s: s, o: o, c: s.wanderer(0), posts: size(20, 200), won: map[string]int{}, statuses: map[string]map[int]int{}}
	rounds := size(3, 100)
	for round := range rounds {
		r.round(round)
	}
	items := []string{"invitation", "link", "typed code", "sign-up right", "recovery code", "recovery ticket", "undo", "enrolment link"}
	all := 0
	for _, item := range items {
		all += r.won[item]
		if r.won[item] != rounds {
			d.Errorf("%s: %d of %d rounds with exactly one success", item, r.won[item], rounds)
		}
		d.Logf("%s: answers by status: %v", item, r.statuses[item])
	}
	s.alive()
	d.report("%d of %d races of %d posts with exactly one success: %s", all, rounds*len(items), r.posts, strings.Join(items, ", "))
}

// rights is the drill under way.
type rights struct {
	d     *drill
	s     *deployment
	o     *postOffice
	c     *client
	posts int

	won      map[string]int // rounds with exactly one success, by item
	statuses map[string]map[int]int
}

// round takes two people through everything that works once.
func (r *rights) round(n int) {
	r.d.Helper()
	d, c := r.d, r.c
	ana, ben := fmt.Sprintf("ana%d@drill.example", n), fmt.Sprintf("ben%d@drill.example", n)

	r.s.operate("account", "invite", "--email", ana, "--send")
	p := r.signUps("invitation", ana, r.o.next(ana, "").token("/sign-up"))

	request := d.asksForLink(c, ana)
	link := map[string]string{"token": r.o.next(ana, "Sign in").token("/link"), "request": request}
	r.race("link", http.StatusOK, func(int) (answer, error) { return c.post(finishLink, link) })

	request = d.asksForLink(c, ben)
	var shown struct {
		Code string `json:"code"`
	}
	d.posted(c, makeCode, map[string]string{"token": r.o.next(ben, "").token("/link")}, http.StatusOK, &shown)
	typed := map[string]string{"code": shown.Code, "request": request}
	var won right
	d.must(json.Unmarshal(r.race("typed code", http.StatusOK, func(int) (answer, error) { return c.post(finishLink, typed) }).body, &won))
	r.signUps("sign-up right", ben, won.SignUp.Ticket)

	code := map[string]string{"username": ana, "code": d.savedCodes(c, p)[n%10]}
	var recovery struct {
		Recovery string `json:"recovery"`
	}
	d.must(json.Unmarshal(r.race("recovery code", http.StatusOK, func(int) (answer, error) { return c.post(recoveryBegin, code) }).body, &recovery))
	r.creations("recovery ticket", recoveryOptions, recoveryFinish, map[string]string{"recovery": recovery.Recovery})

	undo := map[string]string{"token": r.o.next(ana, "A recovery code").token("/undo")}
	r.race("undo", http.StatusNoContent, func(int) (answer, error) { return c.post(undoNotice, undo) })

	r.creations("enrolment link", "/v1/enrolment/passkey/options", "/v1/enrolment/passkey",
		map[string]string{"ticket": r.s.enrolment(ana)})
	d.signsIn(c, p) // the person's own passkey came to no harm by all this
}

// race presents something many times at once and gives the answer to whoever won.
func (r *rights) race(item string, success int, present func(i int) (answer, error)) (winner answer) {
	r.d.Helper()
	successes := 0
	if r.statuses[item] == nil {
		r.statuses[item] = map[int]int{}
	}
	for _, a := range r.d.atOnce(r.posts, present) {
		r.statuses[item][a.status]++
		switch {
		case a.status == success:
			successes++
			winner = a
		case a.status >= 400 && a.status < 500, a.status == http.StatusServiceUnavailable && a.retryAfter() >= 1:
		default:
			r.d.Errorf("%s: status %d: %s", item, a.status, a.body)
		}
	}
	if successes == 0 {
		r.d.Fatalf("%s: nobody was served: %v", item, r.statuses[item])
	}
	if successes == 1 {
		r.won[item]++
	}
	return winner
}

// creations makes a passkey for each of many ceremonies that one right began, and
// presents them at once. It gives the authenticators.
func (r *rights) creations(item, options, finish string, right map[string]string) ([]*webauthntest.Authenticator, answer) {
	r.d.Helper()
	keys, made := make([]*webauthntest.Authenticator, r.posts), make([][]byte, r.posts)
	for i := range made {
		var err error
		keys[i] = webauthntest.New(webauthntest.Phone())
		made[i], err = r.c.create(keys[i], options, right)
		r.d.must(err)
	}
	return keys, r.race(item, http.StatusCreated, func(i int) (answer, error) { return r.c.finish(finish, made[i]) })
}

// signUps opens an account with one right, many times at once, and gives whoever got it.
func (r *rights) signUps(item, email, ticket string) *person {
	r.d.Helper()
	keys, a := r.creations(item, signUpOptions, signUpFinish, map[string]string{"ticket": ticket})
	for _, key := range keys {
		p := &person{name: email, key: key, id: a.who().Account.ID}
		if in, err := r.c.signIn(p); err == nil && in.status == http.StatusOK && in.who().Account.ID == p.id {
			return p
		}
	}
	r.d.Fatalf("%s: whoever signed up does not sign in", item)
	return nil
}

// enrolment is what a new link for an account carries.
func (s *deployment) enrolment(name string) string {
	s.d.Helper()
	path, err := program()
	s.d.must(err)
	cmd := exec.Command(path, "account", "link", name, "--json")
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.Output()
	s.d.must(err)
	var made struct {
		Link string `json:"link"`
	}
	s.d.must(json.Unmarshal(out, &made))
	_, ticket, _ := strings.Cut(made.Link, "#")
	return strings.TrimPrefix(ticket, "ticket=")
}
