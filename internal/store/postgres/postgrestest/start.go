package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// errMissing: there is no PostgreSQL to start.
var errMissing = errors.New("PostgreSQL is not installed (initdb and postgres are neither in PATH nor under /usr/lib/postgresql)")

// life is the life of a cluster, as a shell lives it: it ends when standard input does,
// and that is a pipe that closes with the process which holds its other end. Nothing in it
// works unasked: no autovacuum takes part in what tests watch.
const life = `
cd "$DIR" || exit 1
"$BIN/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync >log 2>&1 || exit 1
"$BIN/postgres" -D data -k "$DIR" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
	-c full_page_writes=off -c max_connections=200 -c log_min_messages=fatal -c max_wal_size=256MB -c autovacuum=off \
	</dev/null >>log 2>&1 &
engine=$!
while read -r line; do :; done
kill -QUIT "$engine"
wait "$engine"
cd / && rm -rf "$DIR"
`

// start makes a cluster and waits until it answers.
func start() (*cluster, error) {
	bin, err := engine()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "keyturn-pg-")
	if err != nil {
		return nil, err
	}
	command, err := shell(life, bin, dir)
	if err != nil {
		return nil, err
	}
	if _, err := command.StdinPipe(); err != nil { // never closed: the process's end does it
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended stands in the log
		close(ended)
	}()
	c := &cluster{dir: dir, ended: ended, free: make(chan string, 16)}
	return c, c.await()
}

// shell is a script about to run as somebody whom the engine accepts, who owns dir.
func shell(script, bin, dir string) (*exec.Cmd, error) {
	command := exec.Command("/bin/sh", "-c", script)
	if os.Geteuid() == 0 { // the engine refuses to run as root
		if err := give(dir, "postgres"); err != nil {
			return nil, err
		}
		command = exec.Command("su", "postgres", "-s", "/bin/sh", "-c", script)
	}
	command.Env = append(os.Environ(), "BIN="+bin, "DIR="+dir, "LC_ALL=C")
	return command, nil
}

// await returns when the cluster answers, or has ended.
func (c *cluster) await() error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		err := c.admin(context.Background(), "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-c.ended:
			log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, log)
		case <-deadline:
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		}
	}
}

// engine finds the folder of initdb and postgres, the newest where there are several.
func engine() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// give makes a folder another user's.
func give(dir, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}
