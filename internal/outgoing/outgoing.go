// Package outgoing calls addresses that tools have registered: never one of a
// private network, never further than the address itself, never for long.
package outgoing

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// The limits of one call.
const (
	Timeout    = 5 * time.Second
	MaxAnswer  = 256 << 10 // bytes of an answer that are read
	maxHeaders = 16 << 10
)

// ErrPrivate: the name leads to an address that is not public.
var ErrPrivate = errors.New("the address is not a public one")

// Options are what a client is told of the installation.
type Options struct {
	Roots    *x509.CertPool // the system's when nil
	Loopback bool           // this machine may be called: tests and the demo only
}

// Client calls. Safe for concurrent use.
type Client struct{ http *http.Client }

// New makes a client.
func New(o Options) *Client {
	dialer := &net.Dialer{Timeout: Timeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return allowed(address, o.Loopback)
	}}
	return &Client{&http.Client{
		Timeout: Timeout,
		// A redirect would be an address that nobody registered.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: Timeout, ResponseHeaderTimeout: Timeout, MaxResponseHeaderBytes: maxHeaders,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
			// No proxy of the environment: it would call for us whom we must not.
		},
	}}
}

// allowed refuses every address that is not of the public network, after the
// name was resolved: what is dialled is what was looked at.
func allowed(address string, loopback bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := at.Addr().Unmap()
	if ip.IsLoopback() && loopback {
		return nil
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return ErrPrivate
	}
	for _, reserved := range reservedNetworks {
		if reserved.Contains(ip) {
			return ErrPrivate
		}
	}
	return nil
}

// reservedNetworks are not of the public network either (IANA special-purpose
// registries, RFC 6890): shared space, this network, tests, translation,
// tunnels that carry another address.
var reservedNetworks = networks("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
	"::/96", "::ffff:0:0:0/96", "fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16")

func networks(list ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(list))
	for i, s := range list {
		prefixes[i] = netip.MustParsePrefix(s)
	}
	return prefixes
}

// Do makes a call and reads its answer, MaxAnswer bytes at most: more is an
// error.
func (c *Client) Do(r *http.Request) (status int, body []byte, err error) {
	response, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	if err == nil && len(body) > MaxAnswer {
		err = fmt.Errorf("the answer is longer than %d bytes", MaxAnswer)
	}
	return response.StatusCode, body, err
}
