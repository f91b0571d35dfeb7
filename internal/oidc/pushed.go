package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"portique/internal/secret"
	"portique/internal/store"
)

// PushedLife is how long a request sent ahead waits for the person.
const PushedLife = time.Minute

// maxPushed is the longest request sent ahead, in bytes as it is kept: the
// longest parameters that are read, and a little.
const maxPushed = 24 << 10

// pushedPrefix begins the address of a request sent ahead (RFC 9126 2.2).
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

// push takes an authorization request ahead of the person (RFC 9126): its client
// proves who it is, what is wrong is said at once, and nothing of it passes by
// the browser.
func (p *Provider) push(w http.ResponseWriter, r *http.Request) {
	address := pushedPrefix + secret.Token()
	p.machine(w, r, func(f *flight, v url.Values) error {
		v = ofAuthorization(v)
		if len(v.Encode()) > maxPushed {
			return errPushedLong
		}
		if v.Has("request_uri") {
			return refuse("invalid_request", "request_uri has no place in a request sent ahead")
		}
		v.Set("client_id", f.client.ID)
		q, err := addressee(v)
		if err != nil || !registered(f.client.RedirectURIs, q.RedirectURI) {
			return refuse("invalid_request", "redirect_uri is missing or not registered")
		}
		if refused := q.read(v, f.client, p.readHint(v.Get("id_token_hint"))); refused != nil {
			return refused
		}
		key, err := p.proofOf(f.tx, r, "")
		if err != nil {
			return err
		}
		if key != "" {
			if q.DPoPKey != "" && q.DPoPKey != key {
				return errProof("dpop_jkt names another key than the proof")
			}
			v.Set("dpop_jkt", key)
		}
		if f.client.Public() { // as a device: anybody may ask in its name
			if err := p.begun.take(p.crowdOf(r), f.tx.Now(), errTooManyPushed); err != nil {
				return err
			}
		}
		return f.tx.InsertPushedRequest(&store.PushedRequest{Hash: secret.Hash(address), ClientID: f.client.ID, Parameters: v.Encode(),
			ExpiresAt: f.tx.Now().Add(PushedLife)})
	}, func() {
		writeJSON(w, http.StatusCreated, map[string]any{"request_uri": address, "expires_in": int(PushedLife / time.Second)})
	})
}

var (
	errPushedLong    = &refusal{http.StatusRequestEntityTooLarge, "invalid_request", "the request sent ahead is longer than 24 KiB"}
	errTooManyPushed = &refusal{http.StatusTooManyRequests, "temporarily_unavailable", "too many requests were sent ahead from this network address: try again in some minutes"}
)

var errPushedGone = refuse("invalid_request_uri", "the request sent ahead is too old, was used, or is another client's")

// ofAuthorization are the parameters of an authorization request, without those
// that nobody knows or that prove who its client is.
func ofAuthorization(v url.Values) url.Values {
	kept := url.Values{}
	for name, values := range v {
		if slices.Contains(authorizeFields, name) || name == "request" || name == "registration" {
			kept[name] = values
		}
	}
	return kept
}

// pushed gives the parameters of a request sent ahead in place of its address:
// once, to the client that sent it. Whatever else came with the address counts
// for nothing (RFC 9101 6.3). When the request is gone, what came with its
// address stays, and an error: for the tool if that says where to answer, else
// for the person.
func (p *Provider) pushed(tx *store.Tx, v url.Values) (url.Values, error) {
	address := v.Get("request_uri")
	if !strings.HasPrefix(address, pushedPrefix) || len(v["request_uri"]) != 1 {
		return v, nil
	}
	row, err := tx.TakePushedRequest(secret.Hash(address))
	if errors.Is(err, store.ErrNoPushedRequest) {
		return v, errPushedGone
	}
	if err != nil {
		return v, err
	}
	if len(v["client_id"]) != 1 || row.ClientID != v.Get("client_id") || !tx.Now().Before(row.ExpiresAt) {
		return v, errPushedGone
	}
	return url.ParseQuery(row.Parameters)
}
