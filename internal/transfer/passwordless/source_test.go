package passwordless

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/fxamacker/cbor/v2"

	"github.com/keyturn/keyturn/internal/ceremony/ceremonytest"
	"github.com/keyturn/keyturn/internal/record"
	"github.com/keyturn/keyturn/internal/store/dynamo/dynamotest"
	"github.com/keyturn/keyturn/internal/transfer"
	"github.com/keyturn/keyturn/webauthn"
	"github.com/keyturn/keyturn/webauthn/webauthntest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	sub     = "3f2b0c9a-6d3e-4f64-9a7b-0c1d2e3f4a5b"
	created = "2024-03-01T09:00:00.123Z"
	used    = "2025-06-01T10:00:00.000Z"
)

// original is a table in the layout of the other system.
type original struct {
	Config
	db *dynamodb.Client
}

func newOriginal(t *testing.T, w *ceremonytest.World) *original {
	t.Helper()
	o := &original{Config: Config{
		Table: dynamotest.Table(t), Region: "eu-central-1", Endpoint: dynamotest.Endpoint(t),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""), Keyed: w.Vault.HashSecret,
	}}
	table, err := Open(o.Config)
	must(t, err)
	o.db = table.db
	text := func(name string, kind types.KeyType) (types.AttributeDefinition, types.KeySchemaElement) {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS},
			types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	part, hash := text("pk", types.KeyTypeHash)
	sort, order := text("sk", types.KeyTypeRange)
	_, err = o.db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &o.Table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{part, sort}, KeySchema: []types.KeySchemaElement{hash, order},
	})
	must(t, err)
	must(t, dynamodb.NewTableExistsWaiter(o.db, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 100*time.Millisecond
	}).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &o.Table}, time.Minute))
	return o
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n uint32) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(int(n))}
}

func bin(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func fields(f map[string]types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberM{Value: f}
}

// least is the item of a credential with no attribute that may be missing.
func least(t *testing.T, handle string, c webauthntest.Credential) item {
	t.Helper()
	return item{
		"pk": str("USER#" + handle), "sk": str("CREDENTIAL#" + base64.RawURLEncoding.EncodeToString(c.ID)),
		"userId": str(handle), "credentialId": bin(c.ID), "rpId": str(c.RPID), "jwk": jwk(t, c.PublicKey),
		"signCount": num(c.SignCount),
	}
}

// full is an item with all attributes.
func full(t *testing.T, handle string, c webauthntest.Credential) item {
	t.Helper()
	i := least(t, handle, c)
	i["friendlyName"], i["createdAt"], i["lastSignIn"] = str("Ana's key"), str(created), str(used)
	i["flagUserVerified"], i["flagBackupEligibility"], i["flagBackupState"] = num(1), num(0), num(0)
	i["aaguid"] = bin([]byte("sixteen bytes id"))
	i["transports"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{str("usb"), str("nfc")}}
	return i
}

// jwk is a COSE key as the other system keeps it.
func jwk(t *testing.T, cose []byte) types.AttributeValue {
	t.Helper()
	var members map[int64]any
	must(t, cbor.Unmarshal(cose, &members))
	part := func(label int64) types.AttributeValue {
		return str(base64.RawURLEncoding.EncodeToString(members[label].([]byte)))
	}
	if members[3] == webauthn.RS256 {
		return fields(map[string]types.AttributeValue{"kty": str("RSA"), "alg": str("RS256"), "n": part(-1), "e": part(-2)})
	}
	return fields(map[string]types.AttributeValue{
		"kty": str("EC"), "alg": str("ES256"), "crv": str("P-256"), "x": part(-2), "y": part(-3),
	})
}

func (o *original) put(t *testing.T, i item) {
	t.Helper()
	_, err := o.db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &o.Table, Item: i})
	must(t, err)
}

// credential makes a key for a user handle on an authenticator, as the other system's
// page did.
func credential(t *testing.T, a *webauthntest.Authenticator, handle string, algorithm int64) webauthntest.Credential {
	t.Helper()
	options := fmt.Sprintf(`{"rp":{"id":%q,"name":"r"},"user":{"id":%q,"name":"u","displayName":"u"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA",
		"pubKeyCredParams":[{"type":"public-key","alg":%d}],"authenticatorSelection":{"residentKey":"preferred","userVerification":"required"}}`,
		ceremonytest.RPID, base64.RawURLEncoding.EncodeToString([]byte(handle)), algorithm)
	_, err := a.Create([]byte(options), ceremonytest.Page())
	must(t, err)
	made := a.Credentials()
	return made[len(made)-1]
}

// move imports the table.
func (o *original) move(t *testing.T, w *ceremonytest.World) (counts transfer.Counts, left []transfer.LeftOut) {
	t.Helper()
	from, err := Open(o.Config)
	must(t, err)
	im, err := transfer.NewImporter(transfer.Config{
		Vault: w.Vault, Store: w.Store, Audit: w.Audit, RPID: ceremonytest.RPID, Now: w.Clock.Now,
		LeftOut: func(l transfer.LeftOut) { left = append(left, l) },
	}, transfer.Options{Limit: 20})
	must(t, err)
	plan, err := im.Judge(t.Context(), from)
	must(t, err)
	counts, err = plan.Import(t.Context())
	must(t, err)
	if counts != plan.Counts {
		t.Errorf("imported %+v, planned %+v", counts, plan.Counts)
	}
	return counts, left
}

// TestSignsIn: a passkey of the other system signs in here, for each form of user handle,
// each algorithm, and with and without what an item may lack.
func TestSignsIn(t *testing.T) {
	model := webauthntest.Model{
		Algorithms: []int64{webauthn.ES256, webauthn.RS256}, Counts: true, Discoverable: true, UserVerifying: true,
	}
	for _, c := range []struct {
		name, handle string
		algorithm    int64
		make         func(*testing.T, string, webauthntest.Credential) item
		username     string // that signs in; empty: without
	}{
		{"a name", "u|ana.lima", webauthn.ES256, full, "ana.lima"},
		{"a name, the least", "u|ana.lima", webauthn.ES256, least, ""},
		{"a sub and a name, RSA", "s|" + sub, webauthn.RS256, full, "Bea"},
		{"a sub, the least", "s|" + sub, webauthn.ES256, least, ""},
		{"a sub that is the name", sub, webauthn.ES256, full, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ceremonytest.New(t)
			o := newOriginal(t, w)
			a := webauthntest.New(model)
			made := credential(t, a, c.handle, c.algorithm)
			made.SignCount = 7
			o.put(t, c.make(t, c.handle, made))
			o.put(t, item{"pk": str("USER#" + c.handle), "sk": str("CHALLENGE#abc"), "exp": num(5)})
			o.put(t, item{"pk": str("CHALLENGE#abc"), "sk": str("USERNAMELESS_SIGN_IN"), "exp": num(5)})
			if c.username == "Bea" {
				var err error
				o.Users, err = ReadUsers(strings.NewReader(`{"Users":[{"Username":"Bea","Attributes":[{"Name":"sub","Value":"` + sub + `"}]}]}`))
				must(t, err)
			}
			if counts, left := o.move(t, w); counts.New != 1 || counts.Passkeys != 1 || len(left) != 0 {
				t.Fatalf("counts %+v, left out %+v", counts, left)
			}
			// One whose counter has not moved on is a clone's.
			answer := w.Assert(t, a, c.username, webauthntest.SetSignCount(7))
			if _, err := w.Finish(t, answer); err == nil {
				t.Error("a counter that stands still signs in")
			}
			after := ceremonytest.New(t)
			o.Keyed = after.Vault.HashSecret
			o.move(t, after)
			answer = after.Assert(t, a, c.username, webauthntest.SetSignCount(8))
			if _, err := after.Finish(t, answer); err != nil {
				t.Errorf("sign in: %v", err)
			}
			if counts, _ := o.move(t, after); counts.There != 1 {
				t.Errorf("the second time: %+v", counts)
			}
		})
	}
}

// sole reads the only account.
func sole(t *testing.T, w *ceremonytest.World) record.Moving {
	t.Helper()
	rows, err := w.Store.ListAccounts(t.Context(), nil, 10)
	must(t, err)
	if len(rows) != 1 {
		t.Fatalf("%d accounts", len(rows))
	}
	a, err := w.Vault.OpenAccount(rows[0])
	must(t, err)
	var held []record.Credential
	for _, way := range a.Facts().Ways {
		found, err := w.Store.Credentials(t.Context(), [][]byte{way.Credential})
		must(t, err)
		c, err := w.Vault.OpenCredential(found[0], a)
		must(t, err)
		held = append(held, c)
	}
	return record.Leave(a, held)
}

// TestFacts: counts, names, flags and times are kept.
func TestFacts(t *testing.T) {
	w := ceremonytest.New(t)
	o := newOriginal(t, w)
	a := webauthntest.New(webauthntest.SecurityKey())
	made := credential(t, a, "u|ana", webauthn.ES256)
	made.SignCount = 99
	later := full(t, "u|ana", made)
	o.put(t, later)
	second := credential(t, webauthntest.New(webauthntest.Phone()), "u|ana", webauthn.ES256)
	synced := least(t, "u|ana", second)
	synced["createdAt"], synced["flagBackupEligibility"], synced["flagBackupState"] = str("2023-01-01T00:00:00.000Z"), num(1), num(1)
	o.put(t, synced)
	o.Users = Users{nameForm + "ana": {Name: "ana", Email: "ana@example.org"}}
	o.move(t, w)
	m := sole(t, w)
	f := m.Account
	if string(f.UserHandle) != "u|ana" || f.Username != "ana" || f.PendingEmail != "ana@example.org" || len(f.Emails) != 0 ||
		f.Role != record.RoleMember || f.State != record.StateActive || f.HadWay || f.ID.Version() != 7 ||
		!f.Created.Equal(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("account %+v", f)
	}
	if len(m.Passkeys) != 2 {
		t.Fatalf("%d passkeys", len(m.Passkeys))
	}
	old, key := m.Passkeys[0], m.Passkeys[1]
	if !old.Facts.BackupEligible || !old.Use.BackupState || old.Way.Verified || old.Name != "" || !old.LastUsed.IsZero() {
		t.Errorf("the synced passkey %+v", old)
	}
	if key.Name != "Ana's key" || key.Use.SignCount != 99 || key.Facts.BackupEligible || !key.Way.Verified || !key.Use.UVInitialized ||
		string(key.Facts.AAGUID[:]) != "sixteen bytes id" || strings.Join(key.Facts.Transports, " ") != "usb nfc" ||
		string(key.Facts.ID) != string(made.ID) || key.Facts.Passkey.Version() != 7 ||
		key.Facts.Created.Format(time.RFC3339Nano) != "2024-03-01T09:00:00.123Z" || key.LastUsed.Format(time.RFC3339) != "2025-06-01T10:00:00Z" {
		t.Errorf("the security key %+v", key)
	}
}

// TestNames: a name that cannot be had here is kept where it can be seen, and never
// becomes a way in by itself.
func TestNames(t *testing.T) {
	for handle, want := range map[string]record.AccountFacts{
		"u|Ana":             {Username: "ana"},
		"u|ana@example.org": {DisplayName: "ana@example.org", PendingEmail: "ana@example.org"},
		"u|+4915112345678":  {DisplayName: "+4915112345678"},
		"u|x-" + sub:        {Username: "x-" + sub},
		"s|" + sub:          {},
		sub:                 {},
	} {
		t.Run(handle, func(t *testing.T) {
			w := ceremonytest.New(t)
			o := newOriginal(t, w)
			o.put(t, full(t, handle, credential(t, webauthntest.New(webauthntest.SecurityKey()), handle, webauthn.ES256)))
			counts, _ := o.move(t, w)
			got := sole(t, w).Account
			if got.Username != want.Username || got.DisplayName != want.DisplayName || got.PendingEmail != want.PendingEmail || len(got.Emails) > 0 {
				t.Errorf("account %+v", got)
			}
			if (counts.Nameless == 1) != (want.Username == "") {
				t.Errorf("counts %+v", counts)
			}
		})
	}
}

// TestLeftOut: an item that cannot be used is told, and what else its person has comes.
func TestLeftOut(t *testing.T) {
	edit := func(name string, v types.AttributeValue) func(item) { return func(i item) { i[name] = v } }
	key := func(name, value string) func(item) {
		return func(i item) { i["jwk"].(*types.AttributeValueMemberM).Value[name] = str(value) }
	}
	for _, c := range []struct {
		name string
		edit func(item)
		why  transfer.Why
	}{
		{"no key", func(i item) { delete(i, "jwk") }, transfer.WhyKey},
		{"another curve", key("crv", "P-384"), transfer.WhyKey},
		{"another type", key("kty", "oct"), transfer.WhyKey},
		{"a point off the curve", key("x", base64.RawURLEncoding.EncodeToString(make([]byte, 32))), transfer.WhyKey},
		{"no coordinate", key("y", ""), transfer.WhyKey},
		{"another algorithm", key("alg", "RS256"), transfer.WhyKey},
		{"an algorithm that nobody knows", key("alg", "none"), transfer.WhyKey},
		{"no credential ID", func(i item) { delete(i, "credentialId") }, transfer.WhyMalformed},
		{"too long a credential ID", edit("credentialId", bin(make([]byte, 1024))), transfer.WhyMalformed},
		{"no RP ID", func(i item) { delete(i, "rpId") }, transfer.WhyMalformed},
		{"a counter below zero", edit("signCount", &types.AttributeValueMemberN{Value: "-1"}), transfer.WhyMalformed},
		{"a counter beyond its bounds", edit("signCount", &types.AttributeValueMemberN{Value: "4294967296"}), transfer.WhyMalformed},
		{"a counter that is a text", edit("signCount", str("1")), transfer.WhyMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ceremonytest.New(t)
			o := newOriginal(t, w)
			a := webauthntest.New(webauthntest.SecurityKey())
			odd := full(t, "u|ana", credential(t, a, "u|ana", webauthn.ES256))
			c.edit(odd)
			o.put(t, odd)
			counts, left := o.move(t, w)
			if counts.Accounts != 0 || counts.Refused != 1 || len(left) != 1 || left[0].Why != c.why {
				t.Errorf("alone: counts %+v, left out %+v", counts, left)
			}
			fine := credential(t, webauthntest.New(webauthntest.SecurityKey()), "u|ana", webauthn.ES256)
			o.put(t, full(t, "u|ana", fine))
			counts, left = o.move(t, w)
			if counts.New != 1 || counts.Refused != 1 || len(left) != 1 {
				t.Errorf("beside another: counts %+v, left out %+v", counts, left)
			}
			if m := sole(t, w); len(m.Passkeys) != 1 || !m.Account.HadWay {
				t.Errorf("account %+v", m)
			}
		})
	}
}

// TestPages: people are found over the pages of a scan, each with all passkeys.
func TestPages(t *testing.T) {
	w := ceremonytest.New(t)
	o := newOriginal(t, w)
	made := credential(t, webauthntest.New(webauthntest.SecurityKey()), "x", webauthn.ES256)
	bulk := strings.Repeat("x", 250_000) // a page holds 1 MB
	for person := range 6 {
		for n := range 3 {
			c := made
			c.ID = fmt.Appendf(nil, "credential %d %d", person, n)
			i := full(t, fmt.Sprintf("u|person%d", person), c)
			i["other"] = str(bulk)
			o.put(t, i)
		}
	}
	counts, _ := o.move(t, w)
	if counts.New != 6 || counts.Passkeys != 18 {
		t.Errorf("counts %+v", counts)
	}
}

// TestOtherRPID: a passkey that would never be offered here does not come.
func TestOtherRPID(t *testing.T) {
	w := ceremonytest.New(t)
	o := newOriginal(t, w)
	i := full(t, "u|ana", credential(t, webauthntest.New(webauthntest.SecurityKey()), "u|ana", webauthn.ES256))
	i["rpId"] = str("example.net")
	o.put(t, i)
	if counts, left := o.move(t, w); counts.Refused != 1 || left[0].Why != transfer.WhyRPID {
		t.Errorf("counts %+v, left out %+v", counts, left)
	}
}

// TestSettings: what cannot be asked is refused at once.
func TestSettings(t *testing.T) {
	keyed := func(string, []byte) []byte { return make([]byte, 32) }
	for _, c := range []Config{{Keyed: keyed}, {Table: "t"}} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if _, err := ReadUsers(strings.NewReader(`{"Users":`)); err == nil {
		t.Error("half a list of users is taken")
	}
	from, err := Open(Config{
		Table: "t", Keyed: keyed, Region: "eu-central-1", Endpoint: "http://127.0.0.1:1",
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	must(t, err)
	from.db = dynamodb.New(from.db.Options(), func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	if err := from.Each(t.Context(), func(record.Moving) error { return nil }, nil); err == nil {
		t.Error("a table that is not there is read")
	}
}
