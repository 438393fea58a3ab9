package bench

import "syscall"

// settle waits until the disk has what was written so far.
func settle() { syscall.Sync() }
