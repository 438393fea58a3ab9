package drills

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestRefreshRace: three processes on one store are shown one refresh token many times
// at the same moment. It has exactly one successor, which all who asked are given, and
// which works once itself.
func TestRefreshRace(t *testing.T) {
	onEach(t, "refresh race", func(d *drill, b backend) {
		rounds, posts := b.size(3, 100, 10), b.size(15, 300, 60)
		s := b.replicate(d, 3, flooded()...)
		at := s.clients()
		p := d.newcomer(at[0], "ana", webauthntest.Phone())
		good := 0
		for round := range rounds {
			if d.rotatesOnce(at, p, round, posts) {
				good++
			}
		}
		s.alive()
		d.report("%d of %d rounds of %d rotations of one token by 3 processes with exactly one successor, reuse ends the family",
			good, rounds, posts)
	})
}

// rotatesOnce is one round of the race for a refresh token.
func (d *drill) rotatesOnce(at []*client, p *person, round, posts int) bool {
	d.Helper()
	a, err := at[round%3].signIn(p)
	d.must(err)
	first := refreshOf(a)
	successors := map[string]int{}
	for _, a := range d.atOnce(posts, func(i int) (answer, error) { return at[i%3].refresh(first) }) {
		if a.status != http.StatusOK {
			d.Errorf("round %d: status %d: %s", round, a.status, a.body)
		}
		successors[refreshOf(a)]++
	}
	next, err := at[(round+1)%3].refresh(onlyKey(successors))
	d.must(err)
	if len(successors) != 1 || next.status != http.StatusOK {
		d.Errorf("round %d: %d successors, the next rotation: status %d", round, len(successors), next.status)
		return false
	}
	// The first token is two generations old by now: a sign of theft.
	reuse, err := at[round%3].refresh(first)
	d.must(err)
	after, err := at[(round+2)%3].refresh(refreshOf(next))
	d.must(err)
	if reuse.status != http.StatusBadRequest || after.status != http.StatusBadRequest {
		d.Errorf("round %d: reuse: status %d, the family after it: status %d", round, reuse.status, after.status)
		return false
	}
	return true
}

// refresh shows a refresh token for its successor.
func (c *client) refresh(token string) (answer, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	response, err := c.http.PostForm(c.url+"/v1/token", form)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	a.body, err = io.ReadAll(response.Body)
	return a, err
}

func refreshOf(a answer) string {
	var out struct {
		RefreshToken string `json:"refresh_token"`
	}
	_ = json.Unmarshal(a.body, &out)
	return out.RefreshToken
}

func onlyKey(m map[string]int) string {
	for key := range m {
		return key
	}
	return ""
}
