// Package webauthntest is a software authenticator with the client in front of
// it: it answers registration and authentication options the way a browser with
// a passkey provider or a security key does, and answers them wrongly on request.
//
// It owns keys, counters and the bytes of an answer. It takes the options as the
// server sends them (the JSON value of "publicKey") and gives back what
// PublicKeyCredential.toJSON() gives a page, so that a test talks to the server in
// the words of the wire:
//
//	phone := webauthntest.New(webauthntest.Phone())
//	page := webauthntest.Client{Origin: "https://example.org"}
//	registration, err := phone.Create(creationOptions, page)
//	assertion, err := phone.Get(requestOptions, page)
//
// A wrong answer is a right one with a [Mutation]. A mutation of client data or
// authenticator data is applied before signing, so the signature is right for the
// altered bytes and only the fault that was asked for is there; one of signature
// or JSON is applied afterwards:
//
//	phone.Get(options, page, webauthntest.SetClientData("origin", "https://evil.example"))
//	phone.Get(options, page, webauthntest.ClearFlags(webauthntest.FlagUV))
//	phone.Get(options, page, webauthntest.EditSignature(func(s []byte) []byte { s[8] ^= 1; return s }))
//
// [Authenticator.Clone] makes the copied security key whose counter falls behind.
//
// The package never verifies an answer, and its client never compares the RP ID
// with the origin: what a phishing page would send is one of the answers wanted
// here. It is for tests and for driving load. Its keys lie open in memory, so it
// is no place for a key that guards anything.
package webauthntest
