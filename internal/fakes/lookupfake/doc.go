// Package lookupfake stands in for the sources that are asked about IP addresses
// and domains: a DNS resolver (over HTTPS and plain), Team Cymru's zones, IANA's
// list of registries and an RDAP registry, the Tor and Spamhaus lists, AWS's
// ranges, InternetDB, GreyNoise, urlscan, VirusTotal and AbuseIPDB. It knows the
// hosts and names it was told of, refuses what the real services refuse, records
// every question, and fails as it is told to.
//
// Facts come from the public documentation of each service (RFC 8484, RFC 9083,
// RFC 9224; Team Cymru "IP to ASN mapping"; Spamhaus "DROP"; GreyNoise "Community
// API"; urlscan "Search API"; VirusTotal "API v3"; AbuseIPDB "APIv2").
package lookupfake
