package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// How long a connection lives. A bounded life lets a cluster move its load after a
// failover; the jitter keeps a pool from dialling all at once.
const (
	connLife   = time.Hour
	connJitter = 10 * time.Minute
	connIdle   = 10 * time.Minute
	connPing   = 2 * time.Second
)

// slack is how much longer we wait than the engine may work, so that its own timeout,
// which says more and leaves the connection whole, comes first.
const slack = 500 * time.Millisecond

// connect makes the pool. It dials nothing yet.
func connect(ctx context.Context, c Config) (*pgxpool.Pool, error) {
	p, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		// What the parser says may repeat the address, and that may hold a password.
		return nil, errors.New("postgres: the address of the database cannot be read")
	}
	p.ConnConfig.ConnectTimeout = c.ConnectTimeout
	p.MaxConns = int32(min(c.MaxConns, 1<<15))
	p.MinConns, p.MinIdleConns = 0, 0
	p.MaxConnLifetime, p.MaxConnLifetimeJitter = connLife, connJitter
	p.MaxConnIdleTime, p.PingTimeout = connIdle, connPing
	p.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return settle(ctx, conn, c) }
	pool, err := pgxpool.NewWithConfig(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return pool, nil
}

// settle sets what every statement of a connection relies on. It is asked for after
// the connection stands, because poolers between us and the engine refuse what they do
// not know among the parameters of a start.
func settle(ctx context.Context, conn *pgx.Conn, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	_, err := conn.PgConn().Exec(ctx, fmt.Sprintf(`
		SET default_transaction_isolation = 'read committed';
		SET statement_timeout = %d;
		SET lock_timeout = %d;
		SET idle_in_transaction_session_timeout = %d`,
		c.StatementTimeout.Milliseconds(), c.LockTimeout.Milliseconds(), (c.StatementTimeout+slack).Milliseconds(),
	)).ReadAll()
	if err != nil {
		return fmt.Errorf("set up a connection: %w", err)
	}
	for _, advice := range []string{
		// Every statement of ours finds its rows by an index. A plan that was kept from
		// when a table was small must not read all of it after it has grown.
		"SET enable_seqscan = off",
		"SET enable_hashjoin = off",
		"SET enable_mergejoin = off",
		"SET enable_material = off",
		// Which makes a plan without an index look dear enough to be compiled.
		"SET jit = off",
		// And there is one good plan for each statement, whatever it is asked for.
		"SET plan_cache_mode = force_generic_plan",
	} {
		var refused *pgconn.PgError
		if _, err := conn.PgConn().Exec(ctx, advice).ReadAll(); errors.As(err, &refused) {
			c.Log.LogAttrs(ctx, slog.LevelDebug, "postgres: the engine does not take advice",
				slog.String("advice", advice), slog.String("code", refused.Code))
		} else if err != nil {
			return fmt.Errorf("set up a connection: %w", err)
		}
	}
	return nil
}
