// Prints the failures and warnings of the simulators, but not each message of a queue.
const WARNING = 2;
const MAX_LENGTH = 2000;

export default {
  async fetch(request) {
    const level = Number(request.headers.get("MF-Log-Level") ?? 0);
    const text = (await request.text()).slice(0, MAX_LENGTH);
    if (level <= WARNING) console.error(text);
    return new Response(null, { status: 204 });
  },
};
