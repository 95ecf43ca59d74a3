import { describeAgent } from "./agent-contract";
import { FakeAgent } from "./fake-agent";

const PATIENCE_MS = 5_000;

describeAgent(
  "the fake agent",
  async (consoleUrl, oneTimeToken) => {
    const send = (request: Request) => {
      const { pathname, search } = new URL(request.url);
      return fetch(new Request(`${consoleUrl}${pathname}${search}`, request));
    };
    const agent = await FakeAgent.enrol(send, oneTimeToken);
    let life = new AbortController();
    let driving = agent.drive(life.signal);
    const stop = () => {
      life.abort();
      return driving;
    };
    return {
      stop,
      restart: async () => {
        await stop();
        agent.restart();
        life = new AbortController();
        driving = agent.drive(life.signal);
      },
    };
  },
  PATIENCE_MS,
);
