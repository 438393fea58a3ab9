package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// unitSample is how much CPU time one measurement of V takes: some thousand
// verifications, so that the clock's grain and a single interruption do not show.
const unitSample = 400 * time.Millisecond

// verification measures V: the CPU time of one ECDSA P-256 verification by the
// standard library.
func verification() (time.Duration, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, fmt.Errorf("bench: make a key: %w", err)
	}
	digest := sha256.Sum256([]byte("bench"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return 0, fmt.Errorf("bench: sign: %w", err)
	}
	// The CPU time is the thread's: nothing else of this process must run on it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := threadTime()
	for n := time.Duration(1); ; n++ {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			return 0, errors.New("bench: a right signature does not verify")
		}
		if took := threadTime() - begin; took >= unitSample {
			return took / n, nil
		}
	}
}
