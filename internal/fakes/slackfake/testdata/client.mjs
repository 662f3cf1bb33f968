// The bot of a test, written with Slack's own clients. It connects by Socket
// Mode, acknowledges what it gets and answers by the Web API. Every line it
// prints is JSON. It ends when its standard input ends.
//
// Environment: SLACK_API_URL, SLACK_APP_TOKEN, SLACK_BOT_TOKEN.
import { createRequire } from 'node:module';
const require = createRequire(process.env.MODULES + '/');
const { SocketModeClient } = require('@slack/socket-mode');
const { WebClient } = require('@slack/web-api');

const slackApiUrl = process.env.SLACK_API_URL;
const say = (o) => console.log(JSON.stringify(o));
const socket = new SocketModeClient({
  appToken: process.env.SLACK_APP_TOKEN, logLevel: 'error', clientPingTimeout: 2000, serverPingTimeout: 2000, clientOptions: { slackApiUrl },
});
const web = new WebClient(process.env.SLACK_BOT_TOKEN, { slackApiUrl, logLevel: 'error', retryConfig: { retries: 0 } });

// guard reports what goes wrong instead of ending the process without a word.
const guard = (f) => async (args) => {
  try { await f(args); } catch (e) { say({ error: e.data?.error ?? e.message, messages: e.data?.response_metadata?.messages }); }
};

socket.on('connected', () => say({ event: 'connected' }));
socket.on('slash_commands', guard(async ({ ack, body }) => {
  await ack({ text: `you said ${body.text}` });
  if (body.text === 'open') {
    await web.views.open({
      trigger_id: body.trigger_id,
      view: {
        type: 'modal', callback_id: 'note', title: { type: 'plain_text', text: 'Note' }, submit: { type: 'plain_text', text: 'Send' },
        blocks: [{ type: 'input', block_id: 'why', label: { type: 'plain_text', text: 'Why' }, element: { type: 'plain_text_input', action_id: 'v' } }],
      },
    });
  }
  if (body.text === 'bad') {
    await web.chat.postMessage({ channel: body.channel_id, text: 'x', blocks: [{ type: 'header', text: { type: 'plain_text', text: '' } }] });
  }
}));
socket.on('interactive', guard(async ({ ack, body }) => {
  if (body.type === 'view_submission') {
    const why = body.view.state.values.why.v.value;
    await (why === 'short' ? ack({ response_action: 'errors', errors: { why: 'too short' } }) : ack());
    return;
  }
  await ack();
  await web.chat.update({ channel: body.channel.id, ts: body.message.ts, text: `answered ${body.actions[0].value}`, blocks: [] });
}));
socket.on('app_mention', guard(async ({ ack, event }) => {
  await ack();
  await web.chat.postMessage({ channel: event.channel, thread_ts: event.ts, text: `yes, <@${event.user}>?` });
}));

process.stdin.resume();
process.stdin.on('end', async () => { await socket.disconnect(); process.exit(0); });
await socket.start();
