/**
 * The one thread that writes the log. Whatever throws here and is not an answer to a client ends
 * the worker; the main thread sees that and a supervisor starts another.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { Terminal } from "../../../schema/errors.ts";
import { type TopicName, topicNames } from "../../../schema/topics.ts";
import { goFirst } from "../../thread/go_first.ts";
import { LoopShare } from "../../thread/loop_share.ts";
import { GroupCommit } from "./group_commit.ts";
import { lockFolder } from "./lock.ts";
import { Positions } from "./positions.ts";
import type { ClientMessage, WriterCommand, WriterConfig, WriterReport } from "./protocol.ts";
import { TopicWriter } from "./topic_writer.ts";

/** What this file needs of a worker's global scope. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<WriterCommand>) => void;
  postMessage(report: WriterReport): void;
  close(): void;
};

/** Accepting waits for this one. */
const urgent: TopicName = "player.events.raw";

/** How long flush may follow flush before the loop gets a moment to look outside, milliseconds. */
const loop = LoopShare.ofThread(4);

/** An immediate lets in what has been handed to this thread; what else was sent takes a pause. */
function afterArrivals(next: () => void): void {
  if (loop.isSpent) void loop.next().then(next);
  else setImmediate(next);
}

const ports: MessagePort[] = [];
let running: { commit: GroupCommit; close: () => void } | null = null;

scope.onmessage = ({ data }) => {
  if (data.type === "open") return open(data.config);
  if (running === null) throw new Error(`Cannot ${data.type} as the log is not open`);
  if (data.type === "connect") return connect(data.port, running.commit);
  running.commit.drain();
  running.close();
  scope.postMessage({ type: "closed" });
  scope.close();
};

function open(config: WriterConfig): void {
  try {
    running = openTopics(config);
    // Every event waits for this thread.
    void goFirst();
    scope.postMessage({ type: "opened" });
  } catch (error) {
    const { message } = error as Error;
    scope.postMessage(
      error instanceof Terminal
        ? { type: "refused", code: error.code, message }
        : { type: "refused", message },
    );
    scope.close();
  }
}

function openTopics(config: WriterConfig) {
  Deno.mkdirSync(config.dir, { recursive: true });
  const lock = lockFolder(config.dir, config.lockWaitMs);
  const positions = new Positions(config.topics, config.positions);
  const writers: TopicWriter[] = [];
  const closeAll = () => {
    for (const writer of writers) writer.close();
    lock.close();
  };
  try {
    for (const topic of topicNames.keys()) {
      writers.push(
        new TopicWriter(topic, config.dir, positions, {
          segmentBytesMax: config.segmentBytesMax,
          topicBytesMax: config.topicBytesMax,
          onCut: (report) => scope.postMessage({ type: "cut", report }),
          onProblem: (message) => scope.postMessage({ type: "problem", message }),
        }),
      );
    }
  } catch (error) {
    closeAll();
    throw error;
  }
  const commit = new GroupCommit(writers, {
    flushBytesMax: config.flushBytesMax,
    urgentTopic: topicNames.indexOf(urgent),
    now: () => Date.now() + positions.clockOffsetMs,
    afterArrivals,
  });
  const timer = setInterval(() => commit.retain(), config.retentionCheckMs);
  return {
    commit,
    close: () => {
      clearInterval(timer);
      for (const port of ports) port.close();
      closeAll();
    },
  };
}

function connect(port: MessagePort, commit: GroupCommit): void {
  ports.push(port);
  port.onmessage = ({ data }: MessageEvent<ClientMessage>) => {
    const { id, topic } = data;
    if (data.type === "append") {
      commit.append(topic, { port, id, parts: data.parts, text: new Uint8Array(data.text) });
    } else {
      commit.trim(topic, { port, id, mark: [data.partition, data.beforeOffset] });
    }
  };
}
