package record

import "time"

// A field that is added to one of these facts, with its tag, is added to its shape too: a
// test holds the two together.

func timeKind() kind[time.Time] {
	return kind[time.Time]{put: (*writer).time, take: (*reader).time, empty: time.Time.IsZero}
}

func wayShape() shape[Way] {
	return shape[Way]{
		always(1, bytesKind(), func(f *Way) *[]byte { return &f.Credential }),
		always(2, aText[WayKind](), func(f *Way) *WayKind { return &f.Kind }),
		always(3, aUint[uint64](), func(f *Way) *uint64 { return &f.State }),
		filled(4, aBool(), func(f *Way) *bool { return &f.Suspended }),
		filled(5, anInt[int64](), func(f *Way) *int64 { return &f.HeldUntil }),
		filled(6, aBool(), func(f *Way) *bool { return &f.Verified }),
		filled(7, aUint[uint64](), func(f *Way) *uint64 { return &f.Recovery }),
	}
}

func accountShape() shape[AccountFacts] {
	return shape[AccountFacts]{
		always(1, sixteen[ID](), func(f *AccountFacts) *ID { return &f.ID }),
		always(2, bytesKind(), func(f *AccountFacts) *[]byte { return &f.UserHandle }),
		always(3, aText[State](), func(f *AccountFacts) *State { return &f.State }),
		always(4, aText[Role](), func(f *AccountFacts) *Role { return &f.Role }),
		always(5, aUint[uint64](), func(f *AccountFacts) *uint64 { return &f.TicketEpoch }),
		always(6, aUint[uint64](), func(f *AccountFacts) *uint64 { return &f.SessionEpoch }),
		always(7, bytesKind(), func(f *AccountFacts) *[]byte { return &f.Salt }),
		filled(8, aText[string](), func(f *AccountFacts) *string { return &f.Username }),
		filled(9, aText[string](), func(f *AccountFacts) *string { return &f.DisplayName }),
		filled(10, list(aText[string]()), func(f *AccountFacts) *[]string { return &f.Emails }),
		filled(11, aText[string](), func(f *AccountFacts) *string { return &f.PendingEmail }),
		filled(12, list(group(wayShape())), func(f *AccountFacts) *[]Way { return &f.Ways }),
		always(13, timeKind(), func(f *AccountFacts) *time.Time { return &f.Created }),
		filled(14, list(bytesKind()), func(f *AccountFacts) *[][]byte { return &f.RecoveryCodes }),
		filled(15, aBool(), func(f *AccountFacts) *bool { return &f.CodesSaved }),
		filled(16, timeKind(), func(f *AccountFacts) *time.Time { return &f.CodesMade }),
		filled(17, anInt[int64](), func(f *AccountFacts) *int64 { return &f.HeldUntil }),
		filled(18, aBool(), func(f *AccountFacts) *bool { return &f.HadWay }),
		filled(19, list(bytesKind()), func(f *AccountFacts) *[][]byte { return &f.Disowned }),
		filled(20, anInt[int64](), func(f *AccountFacts) *int64 { return &f.CodesHeldUntil }),
	}
}

func credentialShape() shape[CredentialFacts] {
	return shape[CredentialFacts]{
		always(1, sixteen[ID](), func(f *CredentialFacts) *ID { return &f.Passkey }),
		always(2, bytesKind(), func(f *CredentialFacts) *[]byte { return &f.ID }),
		always(3, aText[string](), func(f *CredentialFacts) *string { return &f.RPID }),
		always(4, bytesKind(), func(f *CredentialFacts) *[]byte { return &f.PublicKey }),
		always(5, anInt[int64](), func(f *CredentialFacts) *int64 { return &f.Algorithm }),
		always(6, sixteen[[16]byte](), func(f *CredentialFacts) *[16]byte { return &f.AAGUID }),
		filled(7, list(aText[string]()), func(f *CredentialFacts) *[]string { return &f.Transports }),
		filled(8, aText[string](), func(f *CredentialFacts) *string { return &f.Attachment }),
		filled(9, aBool(), func(f *CredentialFacts) *bool { return &f.BackupEligible }),
		always(10, aText[string](), func(f *CredentialFacts) *string { return &f.Format }),
		always(11, aText[string](), func(f *CredentialFacts) *string { return &f.Trust }),
		filled(12, bytesKind(), func(f *CredentialFacts) *[]byte { return &f.AttestationObject }),
		always(13, timeKind(), func(f *CredentialFacts) *time.Time { return &f.Created }),
	}
}

func useShape() shape[UseFacts] {
	return shape[UseFacts]{
		always(1, aUint[uint32](), func(f *UseFacts) *uint32 { return &f.Edition }),
		always(2, aUint[uint32](), func(f *UseFacts) *uint32 { return &f.SignCount }),
		filled(3, aBool(), func(f *UseFacts) *bool { return &f.BackupState }),
		filled(4, aBool(), func(f *UseFacts) *bool { return &f.UVInitialized }),
		filled(5, anInt[int64](), func(f *UseFacts) *int64 { return &f.RegressedAt }),
	}
}

func sessionShape() shape[SessionFacts] {
	return shape[SessionFacts]{
		always(1, sixteen[ID](), func(f *SessionFacts) *ID { return &f.ID }),
		always(2, sixteen[ID](), func(f *SessionFacts) *ID { return &f.Account }),
		always(3, aText[Mode](), func(f *SessionFacts) *Mode { return &f.Mode }),
		always(4, aText[string](), func(f *SessionFacts) *string { return &f.Door }),
		filled(5, bytesKind(), func(f *SessionFacts) *[]byte { return &f.SecretHash }),
		always(6, aUint[uint64](), func(f *SessionFacts) *uint64 { return &f.SessionEpoch }),
		filled(7, bytesKind(), func(f *SessionFacts) *[]byte { return &f.Credential }),
		filled(8, aUint[uint64](), func(f *SessionFacts) *uint64 { return &f.State }),
		always(9, timeKind(), func(f *SessionFacts) *time.Time { return &f.AuthTime }),
		always(10, timeKind(), func(f *SessionFacts) *time.Time { return &f.ProvedAt }),
		always(11, anInt[int](), func(f *SessionFacts) *int { return &f.AAL }),
		always(12, aText[string](), func(f *SessionFacts) *string { return &f.ACR }),
		always(13, list(aText[string]()), func(f *SessionFacts) *[]string { return &f.AMR }),
		filled(14, aText[string](), func(f *SessionFacts) *string { return &f.Scope }),
		always(15, timeKind(), func(f *SessionFacts) *time.Time { return &f.Created }),
		always(16, timeKind(), func(f *SessionFacts) *time.Time { return &f.LastSeen }),
		always(17, anInt[int64](), func(f *SessionFacts) *int64 { return &f.Idle }),
		always(18, timeKind(), func(f *SessionFacts) *time.Time { return &f.Expires }),
		filled(19, aText[string](), func(f *SessionFacts) *string { return &f.UserAgent }),
		filled(20, aUint[uint64](), func(f *SessionFacts) *uint64 { return &f.Generation }),
		filled(21, timeKind(), func(f *SessionFacts) *time.Time { return &f.RotatedAt }),
	}
}
