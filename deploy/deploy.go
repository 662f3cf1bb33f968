// Package deploy holds what is needed to run the bot: container files, an
// example configuration, the Slack app manifest. Only the manifest is part of
// the program, which prints it.
package deploy

import _ "embed"

// SlackManifest is the manifest of the Slack app, in YAML.
//
//go:embed slack-manifest.yaml
var SlackManifest string
