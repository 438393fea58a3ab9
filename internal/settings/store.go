package settings

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const storeForm = "write sqlite:PATH, postgres://USER@HOST/DATABASE?sslmode=verify-full or dynamodb://TABLE?region=REGION"

// checkStore repeats nothing of a value that may hold a password.
func checkStore(v string) error {
	scheme, _, found := strings.Cut(v, ":")
	switch {
	case found && scheme == "sqlite":
		return nil
	case found && scheme == "postgres":
		return checkPostgres(v)
	case found && scheme == "dynamodb":
		return checkDynamoDB(v)
	default:
		return fmt.Errorf("%q is no store; %s", redacted(v), storeForm)
	}
}

// checkPostgres wants everything that decides where data goes in the address itself,
// where it can be judged: libpq's variables and files would fill in what is missing.
func checkPostgres(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return errors.New("is no address of a PostgreSQL database; write postgres://USER@HOST/DATABASE?sslmode=verify-full")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("has parameters that cannot be read; write postgres://USER@HOST/DATABASE?sslmode=verify-full")
	}
	for name, values := range query {
		switch {
		case len(values) > 1:
			return fmt.Errorf("has the parameter %s twice; keep one", name)
		case name == "password" || name == "user" || name == "service" || name == "servicefile":
			return fmt.Errorf("has a parameter %s, which hides who signs in where; write USER:PASSWORD@HOST", name)
		}
	}
	if len(postgresHosts(u)) == 0 {
		return errors.New("names no host; write postgres://USER@HOST/DATABASE?sslmode=verify-full, or ?host=/FOLDER for a socket")
	}
	if strings.Trim(u.Path, "/") == "" && query.Get("dbname") == "" && query.Get("database") == "" {
		return errors.New("names no database; write postgres://USER@HOST/DATABASE?sslmode=verify-full")
	}
	return nil
}

// postgresHosts are all hosts, or folders of sockets, that an address names.
func postgresHosts(u *url.URL) []string {
	var hosts []string
	for _, host := range append(strings.Split(u.Query().Get("host"), ","), strings.Split(u.Hostname(), ",")...) {
		if host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// tableName is what DynamoDB takes for a table's name.
var tableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)

func checkDynamoDB(v string) error {
	const form = "write dynamodb://TABLE?region=REGION"
	u, err := url.Parse(v)
	if err != nil || u.User != nil || u.Path != "" || u.Fragment != "" || !tableName.MatchString(u.Host) {
		return errors.New("names no table; " + form)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("has parameters that cannot be read; " + form)
	}
	for name, values := range query {
		if !slices.Contains([]string{"region", "endpoint"}, name) || len(values) > 1 {
			return fmt.Errorf("has a parameter %s too many; %s, and endpoint=URL for another server than Amazon's", name, form)
		}
	}
	if name := query.Get("region"); name != "" && !region.MatchString(name) {
		return fmt.Errorf("names %q, which is no region; %s, such as eu-central-1", name, form)
	}
	if endpoint := query.Get("endpoint"); endpoint != "" {
		if _, err := parseOrigin(endpoint); err != nil {
			return fmt.Errorf("has an endpoint that is none: %w", err)
		}
	}
	return nil
}

// hidden stands in the place of a secret.
const hidden = "********"

// maskURL hides the password of an address.
func maskURL(v string) string {
	u, err := url.Parse(v)
	if err != nil {
		return redacted(v)
	}
	if _, has := u.User.Password(); !has {
		return v
	}
	// The text is cut, not written anew: but for the password it stays as it was given.
	scheme, rest, _ := strings.Cut(v, "//")
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndex(rest[:end], "@")
	name, _, _ := strings.Cut(rest[:at], ":")
	return scheme + "//" + name + ":" + hidden + rest[at:]
}

// refuseStore: whoever is on the way to a database must not read it or play it, and a
// database that others keep must not be all that opens it.
func (s Settings) refuseStore(refuse refuse) {
	u, err := url.Parse(s.Store)
	if err != nil {
		return
	}
	if s.StoreMigrate == MigrateManual && s.Backend() != "postgres" {
		refuse("store.migrate", "manual is for PostgreSQL; choose auto")
	}
	switch s.Backend() {
	case "postgres":
		for _, host := range postgresHosts(u) {
			if !strings.HasPrefix(host, "/") && !sameMachine(host) && u.Query().Get("sslmode") != "verify-full" {
				refuse("store", "%s is another machine, and nothing proves that it is the database; add sslmode=verify-full", host)
				break
			}
		}
	case "dynamodb":
		endpoint, err := url.Parse(u.Query().Get("endpoint"))
		if err == nil && endpoint.Scheme == "http" && !sameMachine(endpoint.Hostname()) {
			refuse("store", "the endpoint %s is not https; write https://%s", endpoint, endpoint.Host)
		}
	default:
		return
	}
	if s.KeysServer == "" {
		refuse("keys.server", "must be set with this store; write env:NAME or file:PATH, the same key for every process")
	}
	if s.KeysKMS == "" {
		refuse("keys.kms", "must be set with this store; write file:PATH, kept apart from keys.server")
	}
}
