package httpapi

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// clientAddress is where a request comes from. X-Forwarded-For is believed only from
// a peer that is a trusted proxy, and only up to the first hop that is not one: what
// stands left of it was written by the client. The zero Addr means nobody knows.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	address := peerAddress(r)
	if !contains(trusted, address) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break
		}
		address = hop
		if !contains(trusted, address) {
			break
		}
	}
	return address
}

// peerAddress is the other end of the connection.
func peerAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// parseHop reads an address with or without a port, as proxies write them.
func parseHop(hop string) (netip.Addr, bool) {
	hop = strings.TrimSpace(hop)
	address, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(hop)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), true
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// fromThisMachine tells whether a request was made here, by nobody in between. It
// guards what exists in development only, so it believes no header.
func fromThisMachine(r *http.Request) bool {
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	return peerAddress(r).IsLoopback()
}

// hostSet are the Host values this server answers for, in the form that canonicalHost
// gives. A page of a foreign name that resolves to this server (DNS rebinding) is
// turned away by it, and so is a link in whose making a proxy had a say.
type hostSet map[string]bool

func newHostSet(public *url.URL, further []string) hostSet {
	set := hostSet{canonicalHost(public.Host, public.Scheme): true}
	for _, host := range further {
		set[canonicalHost(host, public.Scheme)] = true
	}
	return set
}

func (s hostSet) has(r *http.Request, scheme string) bool {
	return s[canonicalHost(r.Host, scheme)]
}

// canonicalHost is the host in lower case without the scheme's default port.
func canonicalHost(host, scheme string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	default:
		return strings.TrimSuffix(host, ":80")
	}
}
