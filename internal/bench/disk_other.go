//go:build !linux

package bench

// settle does nothing: elsewhere there is no common way to ask for it.
func settle() {}
