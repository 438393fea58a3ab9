package drills

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestEnumeration: nobody learns from body, headers, length or time whether a name, or a
// credential ID, belongs to somebody. Answers for the known and the unknown are asked
// for in turn over one connection, each known name having as many passkeys of the same
// shapes as the decoys of the unknown one beside it.
func TestEnumeration(t *testing.T) {
	d := begin(t, "enumeration")
	s := deploy(d, flooded(fmt.Sprintf("KEYTURN_LIMITS_FAILURES_NETWORK=%d", 2*enumeratedNames))...)
	c := s.client()
	defer c.close()
	town := d.settle(s, c)
	s.stop() // a server that runs already has chosen its stand-ins among few
	s.start()
	n := size(2000, 20_000)
	d.compare(c, "sign-in options, name known or not", n, town.options(town.known, town.unknown))
	d.compare(c, "sign-in options, invited or unknown", n, town.options(town.invited, town.unknown[:len(town.invited)]))
	d.compare(c, "sign-up options, name taken or free", n, town.signUps())

	forged := town.forged(d, c)
	d.drain(c, forged)
	d.compare(c, "forged answer for a credential or a decoy", n, forged)
}

// TestUnknownNameIsTold where the setting says so, and only there.
func TestUnknownNameIsTold(t *testing.T) {
	d := begin(t, "unknown names told")
	s := deploy(d, flooded("KEYTURN_SIGN_IN_UNKNOWN=told")...)
	c := s.client()
	defer c.close()
	p := d.newcomer(c, "ana", webauthntest.Phone())
	d.signsIn(c, p)
	for _, name := range []string{"nobody", "nobody@example.org"} {
		a, err := c.send(http.MethodPost, signInOptions, named(name))
		d.must(err)
		if a.status != http.StatusNotFound || a.code() != "account_unknown" {
			d.Errorf("%s: status %d, code %q", name, a.status, a.code())
		}
	}
	d.report("404 account_unknown for unknown names, 200 for a known one")
}

const (
	// enumeratedNames is how many names of a kind there are.
	enumeratedNames = 100
	// invitedNames is how many of them have an account without a passkey.
	invitedNames = 20
)

// peopled is a server with people, and names that nobody has. The lists go together:
// at the same place stand names that the server answers alike.
type peopled struct {
	unknown, known, invited []string
	attacker                *person
}

// settle makes the people. What a name's decoys look like cannot be chosen, so unknown
// names come first, and those who are known are made after them.
func (d *drill) settle(s *deployment, c *client) *peopled {
	d.Helper()
	p := &peopled{attacker: d.newcomer(c, "attacker", webauthntest.Phone())}
	random := d.random(0)
	fresh := func() string { return fmt.Sprintf("name-%010d", random.Uint64()%10_000_000_000) }
	shapes := map[string][]string{} // of decoys → names that have them
	for range enumeratedNames {
		name, known := fresh(), fresh()
		p.unknown, p.known = append(p.unknown, name), append(p.known, known)
		d.equip(c, random, known, d.listed(c, name))
	}
	for range 100 * invitedNames {
		name := fresh()
		shape := shapeOf(d.listed(c, name))
		shapes[shape] = append(shapes[shape], name)
	}
	for _, name := range p.unknown[:invitedNames] {
		list := d.listed(c, name)
		alike := shapes[shapeOf(list)]
		for len(alike) == 0 {
			if other := fresh(); shapeOf(d.listed(c, other)) == shapeOf(list) {
				alike = []string{other}
			}
		}
		shapes[shapeOf(list)] = alike[1:]
		p.invited = append(p.invited, alike[0])
		before := d.listed(c, alike[0])
		s.operate("account", "add", "--username", alike[0])
		if !reflect.DeepEqual(d.listed(c, alike[0]), before) {
			d.Errorf("the decoys of a name changed when an account without passkeys got it")
		}
	}
	return p
}

// operate runs a command of the program on the deployment's machine.
func (s *deployment) operate(arguments ...string) {
	s.d.Helper()
	path, err := program()
	s.d.must(err)
	cmd := exec.Command(path, arguments...)
	cmd.Dir, cmd.Env = s.dir, s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.d.Fatalf("%s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

// descriptor is an entry of allowCredentials.
type descriptor struct {
	ID         string   `json:"id"`
	Transports []string `json:"transports"`
}

// listed is the list of credentials that a name is answered with.
func (d *drill) listed(c *client, name string) (list []descriptor) {
	d.Helper()
	d.must(json.Unmarshal(d.options(c, signInOptions, map[string]string{"username": name})["allowCredentials"], &list))
	return list
}

func shapeOf(list []descriptor) (shape string) {
	for _, one := range list {
		shape += fmt.Sprintln(len(one.ID), one.Transports)
	}
	return shape
}

// equip makes an account with passkeys of the shapes of a list, in its order.
func (d *drill) equip(c *client, random *rand.Rand, name string, list []descriptor) {
	d.Helper()
	var token string
	for i, like := range list {
		model := webauthntest.Phone()
		if slices.Contains(like.Transports, "usb") {
			model = webauthntest.SecurityKey()
		}
		model.Transports = like.Transports
		id := forge(random, make([]byte, len(like.ID)*3/4)) // base64url without padding
		p := &person{name: name, key: webauthntest.New(model)}
		if i == 0 {
			d.registers(c, p, id)
			token = d.signsIn(c, p).AccessToken
			continue
		}
		bearer := c.with(c.origin, http.Header{"Authorization": {"Bearer " + token}})
		options, err := bearer.ask("/v1/passkeys/options", map[string]string{})
		d.must(err)
		made, err := p.key.Create(options, c.page, webauthntest.UseCredentialID(id))
		d.must(err)
		a, err := bearer.finish("/v1/passkeys", made)
		d.must(err)
		if a.status != http.StatusCreated {
			d.Fatalf("another passkey for %s: status %d: %s", name, a.status, a.body)
		}
	}
}

// registers opens an account whose credential has a given ID.
func (d *drill) registers(c *client, p *person, id []byte) {
	d.Helper()
	options, err := c.ask(signUpOptions, map[string]string{"username": p.name})
	d.must(err)
	made, err := p.key.Create(options, c.page, webauthntest.UseCredentialID(id))
	d.must(err)
	a, err := c.finish(signUpFinish, made)
	d.must(err)
	if a.status != http.StatusCreated {
		d.Fatalf("sign-up of %s: status %d: %s", p.name, a.status, a.body)
	}
	p.id = a.who().Account.ID
}

// question is what is asked twice: once of somebody, and once of nobody.
type question struct {
	path            string
	someone, nobody []byte
}

func named(name string) []byte { return fmt.Appendf(nil, `{"username":%q}`, name) }

func (p *peopled) options(someone, nobody []string) (asked []question) {
	for i := range someone {
		asked = append(asked, question{signInOptions, named(someone[i]), named(nobody[i])})
	}
	return asked
}

func (p *peopled) signUps() (asked []question) {
	for i := range p.known {
		asked = append(asked, question{signUpOptions, named(p.known[i]), named(p.unknown[i])})
	}
	return asked
}

// forged are answers that the attacker signs for the credentials that a name is
// answered with: real ones and decoys.
func (p *peopled) forged(d *drill, c *client) (asked []question) {
	d.Helper()
	own := webauthntest.UseCredential(p.attacker.key.Credentials()[0].ID)
	sign := func(name string) []byte {
		options, err := c.ask(signInOptions, map[string]string{"username": name})
		d.must(err)
		id := d.listed(c, name)[0].ID
		made, err := p.attacker.key.Get(options, c.page, own, webauthntest.SignWithNewKey(),
			webauthntest.DropMember("response.userHandle"),
			webauthntest.EditMembers(func(m map[string]any) { m["id"], m["rawId"] = id, id }))
		d.must(err)
		return credentialBody(made)
	}
	for i := range p.known {
		asked = append(asked, question{signInFinish, sign(p.known[i]), sign(p.unknown[i])})
	}
	return asked
}

// drain presents forged answers until the budget of the network is spent. Each that it
// pays for is refused with the very same words. After that nothing is written for
// them, so that a disk does not hide in its time what they cost.
func (d *drill) drain(c *client, forged []question) {
	d.Helper()
	refused, paid := map[string]int{}, 0
	for _, q := range forged {
		for _, body := range [][]byte{q.someone, q.nobody} {
			a, err := c.send(http.MethodPost, q.path, body)
			d.must(err)
			if a.status == http.StatusUnauthorized {
				refused[faceOf(a)]++
				paid++
			}
		}
	}
	for range 10 * enumeratedNames {
		a, err := c.send(http.MethodPost, forged[0].path, forged[0].nobody)
		d.must(err)
		if a.status == http.StatusTooManyRequests {
			break
		}
	}
	if len(refused) != 1 || paid < enumeratedNames {
		d.Errorf("%d refusals with %d faces, want one: %v", paid, len(refused), slices.Collect(maps.Keys(refused)))
	}
	d.report("%d forged answers, for credentials and decoys in turn, all refused with the same bytes", paid)
}

// varies are the members whose value is another in every answer or for every name; their
// length stays.
var varies = regexp.MustCompile(`"(challenge|id|request|request_id|name|displayName)":"([^"]*)"`)

// faceOf is all of an answer that may not tell one name from another.
func faceOf(a answer) string {
	header := maps.Clone(a.header)
	header.Del("Date")
	header.Del("Keyturn-Request-Id")
	header.Del("Retry-After") // seconds until the budget refills: it depends on when, not on whom
	lines := []string{fmt.Sprint(a.status)}
	for name, values := range header {
		lines = append(lines, fmt.Sprint(name, values))
	}
	slices.Sort(lines)
	body := varies.ReplaceAllStringFunc(string(a.body), func(member string) string {
		return fmt.Sprintf("%.5s of %d bytes", member, len(member))
	})
	return strings.Join(append(lines, body), "\n")
}

// compare asks all questions of somebody and of nobody in turn, n times in all, and
// judges how well the times tell which is which.
func (d *drill) compare(c *client, what string, n int, questions []question) {
	d.Helper()
	random := d.random(1)
	var times [2][]time.Duration
	for i := range n + n/10 {
		q := questions[random.IntN(len(questions))]
		bodies, faces := [2][]byte{q.someone, q.nobody}, [2]string{}
		first := random.IntN(2)
		for _, which := range []int{first, 1 - first} {
			start := time.Now()
			a, err := c.send(http.MethodPost, q.path, bodies[which])
			took := time.Since(start)
			d.must(err)
			faces[which] = faceOf(a)
			if i >= n/10 { // the rest warms up
				times[which] = append(times[which], took)
			}
		}
		if faces[0] != faces[1] && !refilled(faces) {
			d.Fatalf("%s: somebody is answered\n%s\nand nobody\n%s", what, faces[0], faces[1])
		}
	}
	d.judge(what, n, times)
}

// refilled tells whether one of two forged answers was paid for by what came back of
// the budget meanwhile, and the other not.
func refilled(faces [2]string) bool {
	limited, refused := http.StatusText(http.StatusTooManyRequests), http.StatusText(http.StatusUnauthorized)
	return strings.Contains(faces[0], limited) && strings.Contains(faces[1], refused) ||
		strings.Contains(faces[1], limited) && strings.Contains(faces[0], refused)
}

// judge prints the figure and holds it to the pass figure, which at the small size is
// wide enough for a machine that does other things as well.
func (d *drill) judge(what string, n int, times [2][]time.Duration) {
	d.Helper()
	someone, nobody := slowestDropped(times[0]), slowestDropped(times[1])
	area := tells(someone, nobody)
	known, unknown := quantile(someone, 0.5), quantile(nobody, 0.5)
	off := known - unknown
	share := math.Abs(float64(off)) / float64(unknown)
	margin := 0.05
	if full() {
		margin = 0.02
	}
	if math.Abs(area-0.5) > margin {
		d.Errorf("%s: AUC %.4f", what, area)
	}
	if full() && (off.Abs() >= 50*time.Microsecond || share >= 0.05) {
		d.Errorf("%s: medians %v and %v", what, known, unknown)
	}
	d.report("%s: AUC %.4f, medians %.1f and %.1f µs (%+.1f µs, %.2f %%), %d samples each, slowest 5 %% dropped, faces equal",
		what, area, microseconds(known), microseconds(unknown), microseconds(off), 100*share, n)
}

func microseconds(t time.Duration) float64 { return float64(t.Nanoseconds()) / 1000 }

// slowestDropped leaves out the slowest twentieth: collections, other processes.
func slowestDropped(times []time.Duration) []time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[:len(sorted)-len(sorted)/20]
}

// tells is the probability that one of the first takes longer than one of the second:
// the area under the curve, from the statistic of Mann and Whitney. Half of it is luck.
// Both are sorted.
func tells(first, second []time.Duration) float64 {
	wins, below, upTo := 0.0, 0, 0
	for _, t := range first {
		for below < len(second) && second[below] < t {
			below++
		}
		for upTo < len(second) && second[upTo] <= t {
			upTo++
		}
		wins += float64(below) + float64(upTo-below)/2
	}
	return wins / float64(len(first)) / float64(len(second))
}

// TestTells checks the judge: what is alike tells nothing, what is apart tells all, and
// a shift of a tenth is seen.
func TestTells(t *testing.T) {
	d := begin(t, "judge of times")
	random := d.random(0)
	draw := func(shift float64) (times []time.Duration) {
		for range 20_000 {
			times = append(times, time.Duration(1000*(100+shift+10*random.NormFloat64())))
		}
		return slowestDropped(times)
	}
	for shift, want := range map[float64]float64{0: 0.5, 10: 0.77, -10: 0.23, 100: 1} {
		if got := tells(draw(shift), draw(0)); math.Abs(got-want) > 0.02 {
			t.Errorf("shifted by %v: %.3f, want %.3f", shift, got, want)
		}
	}
	if got := tells([]time.Duration{1, 1, 2}, []time.Duration{1, 1, 2}); got != 0.5 {
		t.Errorf("ties: %v", got)
	}
}
