package record

// RefreshTag authenticates a generation of a session's refresh family, under the
// store epoch: a store that has forgotten what was rotated honours no token of
// before.
func (v *Vault) RefreshTag(session ID, generation uint64) ([]byte, error) {
	return v.refreshing.MAC(v.refreshParts(session, generation)...)
}

// VerifyRefresh answers nil when tag is RefreshTag's for the same session and
// generation, under any key that is still in the ring.
func (v *Vault) VerifyRefresh(tag []byte, session ID, generation uint64) error {
	return v.refreshing.Verify(tag, v.refreshParts(session, generation)...)
}

func (v *Vault) refreshParts(session ID, generation uint64) [][]byte {
	return [][]byte{[]byte("refresh/v1"), v.epoch, session[:], number(generation)}
}
