package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// standingJS reads what a person has: who they are, their passkeys, their sessions.
const standingJS = `(async () => JSON.stringify(await Promise.all(['/v1/account', '/v1/passkeys', '/v1/account/sessions'].map(
	async path => { const a = await fetch(path); const b = await a.json();
		for (const s of b.sessions ?? []) delete s.last_seen_at;
		return [a.status, b]; }))))()`

// forgeJS is a hostile page's script: each call that changes something, as a simple form,
// as text that is JSON, as a fetch that may ask first and as one that may not, and the
// account page in a frame. It ends when each has come to something.
const forgeJS = `(async (target, id) => {
	const calls = [
		['POST', '/v1/sign-out', '{}'], ['POST', '/v1/sign-out', '{"everywhere":true}'],
		['PATCH', '/v1/account', '{"display_name":"Mallory"}'], ['DELETE', '/v1/account', ''],
		['DELETE', '/v1/account/sessions', ''],
		['PATCH', '/v1/passkeys/' + id, '{"name":"Mallory","suspended":true}'], ['DELETE', '/v1/passkeys/' + id, ''],
		['POST', '/v1/passkeys/options', '{}'], ['POST', '/v1/passkeys', '{"credential":{}}'],
		['POST', '/v1/step-up/passkey/options', '{}'], ['POST', '/v1/step-up/passkey', '{"credential":{}}'],
		['POST', '/v1/sign-in/passkey/options', '{"session_mode":"cookie"}'], ['POST', '/v1/sign-in/passkey', '{"credential":{}}'],
		['POST', '/v1/sign-up/passkey/options', '{"username":"mallory","session_mode":"cookie"}'],
		['POST', '/v1/enrolment/passkey/options', '{"ticket":"x","session_mode":"cookie"}'],
	];
	const settled = promise => promise.then(() => 1, () => 1);
	const framed = make => new Promise(done => {
		const frame = document.createElement('iframe');
		frame.name = 'f' + Math.random();
		document.body.append(frame);
		frame.addEventListener('load', () => done(1));
		make(frame);
	});
	let tried = 0;
	for (const [method, path, body] of calls) {
		const url = target + path;
		const json = {method, credentials: 'include', headers: {'Content-Type': 'application/json'}};
		if (body) json.body = body;
		tried += await settled(fetch(url, json));
		tried += await settled(fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body: body || '{}'}));
		for (const enctype of ['text/plain', 'application/x-www-form-urlencoded']) {
			tried += await framed(frame => {
				const form = Object.assign(document.createElement('form'), {method: 'POST', action: url, enctype, target: frame.name});
				const cut = body.indexOf(':') + 1;
				form.append(Object.assign(document.createElement('input'),
					{name: enctype === 'text/plain' ? body.slice(0, cut) || '{"a":' : 'a', value: body.slice(cut) || '1}'}));
				document.body.append(form);
				form.submit();
			});
		}
	}
	tried += await framed(frame => { frame.src = target + '/account'; });
	return tried;
})(%s, %s)`

// TestForgedInTheBrowser: a hostile page open in the browser of somebody who is signed in
// changes nothing, whether it is of another site or of the same host at another port, to
// which the browser gives the same cookies.
func TestForgedInTheBrowser(t *testing.T) {
	t.Parallel()
	p := freshly(t, startServer(t), builtIn())
	id := eval[string](p.browser, "document.querySelector('#passkeys > li').dataset.id")
	before := eval[string](p.browser, standingJS)
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>hostile</title>")
	}))
	t.Cleanup(hostile.Close)
	for name, origin := range map[string]string{
		"another site":  hostile.URL,
		"the same host": strings.Replace(hostile.URL, "127.0.0.1", "localhost", 1),
	} {
		run(p.browser, "open the hostile page", chromedp.Navigate(origin))
		if tried := eval[int](p.browser, fmt.Sprintf(forgeJS, quote(p.base), quote(id))); tried != 15*4+1 {
			t.Errorf("%s: %d forgeries were tried", name, tried)
		}
		p.open("/account")
		p.awaitRows(1)
		if after := eval[string](p.browser, standingJS); after != before {
			t.Errorf("%s: before\n%s\nafter\n%s", name, before, after)
		}
	}
}
