package drills

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

// TestRefreshRace: two processes on one database are shown one refresh token many times
// at the same moment. It has exactly one successor, which all who asked are given, and
// which works once itself.
func TestRefreshRace(t *testing.T) {
	d := begin(t, "refresh race")
	rounds, posts := size(5, 50), size(16, 64)
	one := deploy(d, flooded()...)
	other := deployAs(d, one.url, flooded(
		"KEYTURN_DATA_DIR="+filepath.Join(one.dir, "data"),
		"KEYTURN_KEYS_SERVER=file:"+filepath.Join(one.dir, "keyturn-keys", "server.key"),
	)...)
	clients := []*client{one.client(), other.client()}
	p := d.newcomer(clients[0], "ana", webauthntest.Phone())
	good := 0
	for round := range rounds {
		a, err := clients[round%2].signIn(p)
		d.must(err)
		first := refreshOf(a)
		successors := map[string]int{}
		for _, a := range d.atOnce(posts, func(i int) (answer, error) { return clients[i%2].refresh(first) }) {
			if a.status != http.StatusOK {
				d.Errorf("round %d: status %d: %s", round, a.status, a.body)
			}
			successors[refreshOf(a)]++
		}
		next, err := clients[(round+1)%2].refresh(onlyKey(successors))
		d.must(err)
		if len(successors) != 1 || next.status != http.StatusOK {
			d.Errorf("round %d: %d successors, the next rotation: status %d", round, len(successors), next.status)
			continue
		}
		// The first token is two generations old by now: a sign of theft.
		reuse, err := clients[round%2].refresh(first)
		d.must(err)
		after, err := clients[(round+1)%2].refresh(refreshOf(next))
		d.must(err)
		if reuse.status != http.StatusBadRequest || after.status != http.StatusBadRequest {
			d.Errorf("round %d: reuse: status %d, the family after it: status %d", round, reuse.status, after.status)
			continue
		}
		good++
	}
	d.report("%d of %d rounds of %d rotations of one token by two processes with exactly one successor, reuse ends the family",
		good, rounds, posts)
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
