package oidc

// LimitCrowds makes the share of an address small enough to be reached in a test.
func (p *Provider) LimitCrowds(n int) { p.begun.most, p.strangers.most = n, n }
