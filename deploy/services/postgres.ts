/**
 * PostgreSQL from the distribution, 15 or later, with the database `gamemetrics` and the role that
 * owns it.
 *
 * @module
 */
import { join } from "node:path";
import postgresClient from "postgres";
import { openHome } from "../../supervisor/store/embedded/home.ts";
import type { RunAs } from "../../supervisor/store/embedded/run_as.ts";
import { startDaemon, waitUntil } from "./daemon.ts";
import { findProgram } from "./packages.ts";
import { host, portOf } from "./ports.ts";
import type { RunFile, Service, Site } from "./service.ts";
import { folderOf } from "./state_files.ts";
import { passwordOf } from "./passwords.ts";

export const postgres: Service = { name: "postgres", up, ask };

const database = "gamemetrics";
const versions = [18, 17, 16, 15];

async function up(site: Site): Promise<RunFile> {
  const folders = versions.map((version) => `/usr/lib/postgresql/${version}/bin`);
  const packages = ["postgresql"];
  const program = await findProgram(site, { name: "postgres", folders, packages });
  const initdb = await findProgram(site, { name: "initdb", folders, packages });
  const folder = folderOf(site, "postgres");
  await Deno.mkdir(folder, { recursive: true });
  const home = await openHome(folder);
  const password = await passwordOf(site, "postgres");
  if (!await exists(join(home.data, "PG_VERSION"))) {
    await initialise(initdb, home.data, password, home.user);
  }
  const port = portOf(site, "postgres");
  const logFile = join(folder, "postgres.log");
  const entry = await startDaemon({
    program,
    args: ["-D", home.data, ...postgresSettings(port).flatMap((setting) => ["-c", setting])],
    logFile,
    cwd: home.data,
    user: home.user,
    port,
  });
  const admin = `postgres://postgres:${password}@${host}:${port}/postgres`;
  const owner = await passwordOf(site, database);
  const run: RunFile = {
    mode: "native",
    secure: site.secure,
    processes: [entry],
    variables: {
      STORE_URL: `postgres://${database}:${owner}@${host}:${port}/${database}`,
      STORE_ADMIN_URL: admin,
    },
  };
  await waitUntil(() => query(admin, prepareDatabase(owner)), [entry], logFile);
  return run;
}

/** Settings for a small machine. Durability stays as it is by default: on. */
export function postgresSettings(port: number): string[] {
  return [
    `listen_addresses=${host}`,
    `port=${port}`,
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=256MB",
    "wal_compression=on",
    "max_wal_size=2GB",
    "checkpoint_timeout=5min",
    "timezone=UTC",
    "log_timezone=UTC",
  ];
}

async function initialise(
  initdb: string,
  data: string,
  password: string,
  user: RunAs | undefined,
): Promise<void> {
  const passwordFile = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(passwordFile, password);
    if (user !== undefined) await Deno.chown(passwordFile, user.uid, user.gid);
    const { success, stderr } = await new Deno.Command(initdb, {
      args: ["-D", data, "-U", "postgres", "--pwfile", passwordFile]
        .concat("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-instructions"),
      // initdb wants a folder that it may enter.
      cwd: join(data, ".."),
      ...user,
    }).output();
    if (!success) {
      throw new Error(`Cannot make ${data}: initdb says ${new TextDecoder().decode(stderr)}`);
    }
  } finally {
    await Deno.remove(passwordFile);
  }
}

type Sql = ReturnType<typeof postgresClient>;

/** The database and its owner, who may do nothing beyond it. */
function prepareDatabase(password: string): (sql: Sql) => Promise<void> {
  return async (sql) => {
    const [role] = await sql`select 1 from pg_roles where rolname = ${database}`;
    const may = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls";
    // Roles take no parameters. The password has letters and digits only.
    await sql.unsafe(
      `${role === undefined ? "create" : "alter"} role ${database} ${may} password '${password}'`,
    );
    const [found] = await sql`select 1 from pg_database where datname = ${database}`;
    if (found !== undefined) return;
    await sql.unsafe(`create database ${database} owner ${database}`);
    await sql.unsafe(`revoke connect on database ${database} from public`);
  };
}

async function query(url: string, run: (sql: Sql) => Promise<void>): Promise<void> {
  const sql = postgresClient(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await run(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function ask(_site: Site, run: RunFile): Promise<void> {
  await query(run.variables["STORE_URL"]!, async (sql) => {
    await sql`select 1`;
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
