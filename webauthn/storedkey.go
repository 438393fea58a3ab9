package webauthn

// KeyAlgorithm judges a COSE_Key as registration does (§6.5.1.1, §5.8.5) and tells its
// algorithm: for keys that come from another relying party's records. What it refuses,
// no assertion could be verified with.
func KeyAlgorithm(coseKey []byte) (algorithm int64, err error) {
	key, err := parseKey(coseKey)
	if err != nil {
		return 0, err
	}
	return key.algorithm, nil
}
