/**
 * PostgreSQL from the distribution, 15 or later, with the database `gamemetrics` and the role that
 * owns it.
 *
 * @module
 */
import { join } from "node:path";
import type postgresClient from "postgres";
import { type Home, openHome } from "../../../supervisor/store/embedded/home.ts";
import { openClient } from "../../../supervisor/store/sql/client.ts";
import { certificatesOf } from "../certificates.ts";
import { startDaemon } from "../machine/daemon.ts";
import { findProgram } from "../machine/packages.ts";
import { passwordOf } from "../passwords.ts";
import { host, hostOf, portOf } from "../ports.ts";
import type { ProcessEntry, Service, Site, Variables } from "../service.ts";
import { folderOf } from "../state_files.ts";

export const postgres: Service = {
  name: "postgres",
  variables,
  start,
  ask: ({ STORE_URL }) => askSelect(STORE_URL!),
  askReady: ({ STORE_ADMIN_URL }) => askSelect(STORE_ADMIN_URL!),
  prepare,
  // Fast: clients are cut, a checkpoint is written.
  stopSignal: "SIGINT",
  wipe: async (site) => {
    const { path } = await openHome(folderOf(site, "postgres"));
    await Deno.remove(path, { recursive: true });
  },
};

export const postgresProgram = {
  name: "postgres",
  folders: [18, 17, 16, 15].map((version) => `/usr/lib/postgresql/${version}/bin`),
  packages: ["postgresql"],
};

/** The database, and the role that owns it. */
const database = "gamemetrics";

async function variables(site: Site): Promise<Variables> {
  const port = portOf(site, "postgres");
  const tls = site.secure
    ? `?sslmode=verify-full&sslrootcert=${(await certificatesOf(site)).ca}`
    : "";
  const url = async (user: string, name: string) =>
    `postgres://${user}:${await passwordOf(site, user)}@${
      hostOf(site, "postgres")
    }:${port}/${name}${tls}`;
  return {
    STORE_URL: await url(database, database),
    STORE_ADMIN_URL: await url("postgres", "postgres"),
  };
}

async function start(site: Site): Promise<ProcessEntry[]> {
  const program = await findProgram(site, postgresProgram);
  const folder = folderOf(site, "postgres");
  await Deno.mkdir(folder, { recursive: true });
  const home = await openHome(folder);
  if (!await exists(join(home.data, "PG_VERSION"))) {
    // The one of the same version.
    await initialise(join(program, "..", "initdb"), home, await passwordOf(site, "postgres"));
  }
  const port = portOf(site, "postgres");
  const settings = [
    ...postgresSettings(port, hostOf(site, "postgres")),
    ...await accessSettings(site, home),
  ];
  if (await hasTimescale(program)) settings.push("shared_preload_libraries=timescaledb");
  const entry = await startDaemon({
    program,
    args: ["-D", home.data, ...settings.flatMap((setting) => ["-c", setting])],
    logFile: join(folder, "postgres.log"),
    cwd: home.data,
    user: home.user,
    port,
  });
  return [entry];
}

/** Settings for a small machine. Durability stays as it is by default: on. */
function postgresSettings(port: number, address = host): string[] {
  return [
    `listen_addresses=${address}`,
    `port=${port}`,
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=256MB",
    "wal_compression=on",
    "max_wal_size=2GB",
    "jit=off",
    "autovacuum_max_workers=2",
    "timezone=UTC",
    "log_timezone=UTC",
  ];
}

/** Who may come: everybody with a password, in the secure case over TLS only. */
async function accessSettings(site: Site, home: Home): Promise<string[]> {
  const give = async (name: string, text: string) => {
    const path = join(home.path, name);
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    if (home.user !== undefined) await Deno.chown(path, home.user.uid, home.user.gid);
    return path;
  };
  const type = site.secure ? "hostssl" : "host";
  const clients = site.hosts?.postgres === undefined ? `${host}/32` : "samenet";
  const hba = await give("pg_hba.conf", `${type} all all ${clients} scram-sha-256\n`);
  if (!site.secure) return [`hba_file=${hba}`];
  const { cert, key } = await certificatesOf(site);
  // The server's user may not read ours.
  return [
    `hba_file=${hba}`,
    "ssl=on",
    `ssl_cert_file=${await give("server.pem", await Deno.readTextFile(cert))}`,
    `ssl_key_file=${await give("server.key", await Deno.readTextFile(key))}`,
  ];
}

/** Debian has the extensions of `/usr/lib/postgresql/N/bin/postgres` in `/usr/share/postgresql/N`. */
async function hasTimescale(program: string): Promise<boolean> {
  const [, version] = /\/postgresql\/(\d+)\/bin\//.exec(program) ?? [];
  return version !== undefined &&
    await exists(`/usr/share/postgresql/${version}/extension/timescaledb.control`);
}

async function initialise(initdb: string, home: Home, password: string): Promise<void> {
  const passwordFile = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(passwordFile, password);
    if (home.user !== undefined) await Deno.chown(passwordFile, home.user.uid, home.user.gid);
    const { success, stderr } = await new Deno.Command(initdb, {
      args: ["-D", home.data, "-U", "postgres", "--pwfile", passwordFile]
        .concat("-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-instructions"),
      // initdb wants a folder that it may enter.
      cwd: home.path,
      ...home.user,
    }).output();
    if (success) return;
    // Half a database folder would look like a whole one.
    await Deno.remove(home.data, { recursive: true }).catch(() => {});
    throw new Error(`Cannot make ${home.data}: initdb says ${new TextDecoder().decode(stderr)}`);
  } finally {
    await Deno.remove(passwordFile);
  }
}

/** The database and its owner, who may do nothing beyond it; TimescaleDB where the server has it. */
async function prepare(site: Site, { STORE_ADMIN_URL }: Variables): Promise<void> {
  const password = await passwordOf(site, database);
  await withClient(STORE_ADMIN_URL!, async (sql) => {
    const [role] = await sql`select 1 from pg_roles where rolname = ${database}`;
    const may = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls";
    const verb = role === undefined ? "create" : "alter";
    // Roles take no parameters. The password has letters and digits only.
    await sql.unsafe(`${verb} role ${database} ${may} password '${password}'`);
    const [found] = await sql`select 1 from pg_database where datname = ${database}`;
    if (found !== undefined) return;
    await sql.unsafe(`create database ${database} owner ${database}`);
    await sql.unsafe(`revoke all on database ${database} from public`);
  });
  const inside = new URL(STORE_ADMIN_URL!);
  inside.pathname = `/${database}`;
  await withClient(inside.href, async (sql) => {
    const [row] = await sql`select 1 from pg_available_extensions where name = 'timescaledb'`;
    if (row !== undefined) await sql`create extension if not exists timescaledb`;
  });
}

async function askSelect(url: string): Promise<void> {
  await withClient(url, async (sql) => {
    await sql`select 1`;
  });
}

async function withClient(
  url: string,
  run: (sql: postgresClient.Sql) => Promise<void>,
): Promise<void> {
  const sql = openClient(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await run(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
