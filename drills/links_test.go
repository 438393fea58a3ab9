package drills

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// The calls of an enrolment link.
const (
	enrolOptions = "/v1/enrolment/passkey/options"
	enrolFinish  = "/v1/enrolment/passkey"
)

// oneUseLink is a link that works once, and what making a passkey by it looks like.
type oneUseLink struct {
	name            string
	begin, finish   string
	print           func(round int) []string // the command that prints the link
	success, losses int
}

func oneUseLinks() []oneUseLink {
	return []oneUseLink{
		{
			name: "enrolment link", begin: enrolOptions, finish: enrolFinish, success: http.StatusCreated, losses: http.StatusGone,
			print: func(round int) []string {
				return []string{"account", "add", "--username", fmt.Sprintf("invited-%d", round)}
			},
		},
		{
			name: "invitation", begin: signUpOptions, finish: signUpFinish, success: http.StatusCreated, losses: http.StatusGone,
			print: func(int) []string { return []string{"account", "invite"} },
		},
	}
}

// TestOneLink: many people hold one link, each with an authenticator of their own
// and a ceremony that was begun while the link was good. Exactly one makes a passkey.
func TestOneLink(t *testing.T) {
	onEach(t, "one link", func(d *drill, b backend) {
		rounds, racers := b.size(2, 100, 10), b.size(15, 300, 100)
		s := b.replicate(d, 3, flooded("KEYTURN_SIGN_UP=invite")...)
		at := s.clients()
		statuses, won := map[int]int{}, map[string]int{}
		for round := range rounds {
			for _, link := range oneUseLinks() {
				ticket := d.ticketOf(s.printed(link.print(round)...))
				made := make([][]byte, racers)
				for i := range made {
					in := map[string]string{"ticket": ticket}
					if link.begin == signUpOptions {
						in["username"] = fmt.Sprintf("racer-%d-%d", round, i)
					}
					var err error
					made[i], err = at[i%3].create(webauthntest.New(webauthntest.Phone()), link.begin, in)
					d.must(err)
				}
				answers := d.atOnce(racers, func(i int) (answer, error) { return at[(i+1)%3].finish(link.finish, made[i]) })
				if d.oneOf(answers, statuses, link.success, link.losses) {
					won[link.name]++
				} else {
					d.Errorf("round %d: %s: not exactly one of %d was let in", round, link.name, racers)
				}
			}
		}
		s.alive()
		d.report("%d rounds of %d people with one link at 3 processes, with exactly one let in: %v; answers by status %v",
			rounds, racers, won, statuses)
	})
}

// printed is what a command prints on the deployment's machine.
func (s *deployment) printed(arguments ...string) []byte {
	s.d.Helper()
	path, err := program()
	s.d.must(err)
	cmd := exec.Command(path, arguments...)
	cmd.Dir, cmd.Env = s.dir, s.env
	var failed strings.Builder
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		s.d.Fatalf("%s: %v\n%s", strings.Join(arguments, " "), err, failed.String())
	}
	return out
}

// ticketOf is the ticket of a link that a command printed.
func (d *drill) ticketOf(printed []byte) string {
	d.Helper()
	_, rest, found := bytes.Cut(printed, []byte("#ticket="))
	if !found {
		d.Fatalf("no link with a ticket in %s", printed)
	}
	return string(bytes.Fields(rest)[0])
}

// TestOneCredential: many people sign up with one credential ID at the same moment.
// Exactly one has it, and signs in with it.
func TestOneCredential(t *testing.T) {
	onEach(t, "one credential ID", func(d *drill, b backend) {
		rounds, racers := b.size(2, 100, 10), b.size(30, 200, 200)
		// Each that comes too late is a failure, of which one network may pay for a few.
		s := b.replicate(d, 3, flooded("KEYTURN_LIMITS_FAILURES_NETWORK=1000000", "KEYTURN_LIMITS_FAILURES_PROCESS=1000000")...)
		at := s.clients()
		random := d.random(0)
		statuses, won := map[int]int{}, 0
		for round := range rounds {
			id := make([]byte, 32)
			for i := range id {
				id[i] = byte(random.Uint32())
			}
			people, made := make([]*person, racers), make([][]byte, racers)
			for i := range people {
				people[i] = &person{name: fmt.Sprintf("p-%d-%d", round, i), key: webauthntest.New(webauthntest.Phone())}
				options, err := at[i%3].ask(signUpOptions, map[string]string{"username": people[i].name})
				d.must(err)
				made[i], err = people[i].key.Create(options, at[i%3].page, webauthntest.UseCredentialID(id))
				d.must(err)
			}
			answers := d.atOnce(racers, func(i int) (answer, error) { return at[(i+1)%3].finish(signUpFinish, made[i]) })
			if !d.oneOf(answers, statuses, http.StatusCreated, http.StatusConflict) {
				d.Errorf("round %d: not exactly one of %d people with one credential ID signed up", round, racers)
				continue
			}
			won++
			d.winnerHasIt(at[round%3], people, answers, id)
		}
		s.alive()
		d.report("%d of %d rounds of %d sign-ups with one credential ID at 3 processes with exactly one success; answers by status %v",
			won, rounds, racers, statuses)
	})
}

// winnerHasIt demands that the credential signs in whoever won it, and that a loser has
// left nothing behind that keeps their name from them.
func (d *drill) winnerHasIt(c *client, people []*person, answers []answer, id []byte) {
	d.Helper()
	loser := -1
	for i, a := range answers {
		if a.status != http.StatusCreated {
			loser = i
			continue
		}
		people[i].id = a.who().Account.ID
		options, err := c.ask(signInOptions, map[string]string{"username": people[i].name})
		d.must(err)
		own := people[i].key.Credentials()[0].ID
		assertion, err := people[i].key.Get(options, c.page, webauthntest.UseCredential(own),
			webauthntest.SetMember("id", encode(id)), webauthntest.SetMember("rawId", encode(id)))
		d.must(err)
		got, err := c.finish(signInFinish, assertion)
		d.must(err)
		if who := got.who(); got.status != http.StatusOK || who.Account.ID != people[i].id {
			d.Errorf("%s won the credential and does not sign in: status %d: %s", people[i].name, got.status, got.body)
		}
	}
	if loser >= 0 {
		d.newcomer(c, people[loser].name, webauthntest.Phone())
	}
}
