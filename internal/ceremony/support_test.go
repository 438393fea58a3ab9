package ceremony_test

import (
	"time"

	"github.com/keyturn/keyturn/internal/limit"
)

func failures(perNetwork int, now func() time.Time) *limit.Failures {
	return limit.NewFailures(limit.FailuresConfig{PerNetwork: perNetwork, PerProcess: 1000, Now: now})
}
