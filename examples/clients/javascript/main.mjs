#!/usr/bin/env node
// Logs in and validates, and prints the token's claims:
//
//   AUTH_URL=http://127.0.0.1:8080 AUTH_EMAIL=demo@example.com ./main.mjs [TIMES [PAUSE]] < password
//
// The client is in auth-client.mjs. README.md lists the variables.

import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { AuthClient, AuthError } from "./auth-client.mjs";

async function firstLine(input) {
  for await (const line of createInterface({ input })) return line;
  return "";
}

async function clientFromEnvironment(env) {
  const loginUrl = env.LOGIN_URL || (env.AUTH_URL && `${env.AUTH_URL}/login`);
  const validateUrl = env.VALIDATE_URL || (env.AUTH_URL && `${env.AUTH_URL}/validate`);
  if (!loginUrl || !validateUrl) throw new AuthError("AUTH_URL is missing");
  const email = env.AUTH_EMAIL;
  if (!email) throw new AuthError("AUTH_EMAIL is missing");
  const password = env.AUTH_PASSWORD || (await firstLine(process.stdin));
  if (!password) throw new AuthError("no password in AUTH_PASSWORD or on standard input");
  return new AuthClient({
    loginUrl,
    validateUrl,
    email,
    password,
    token: env.AUTH_TOKEN,
    timeout: Number(env.AUTH_TIMEOUT || 10),
    maxWait: Number(env.AUTH_MAX_WAIT || 30),
  });
}

const [times = "1", pause = "0"] = process.argv.slice(2);
try {
  const client = await clientFromEnvironment(process.env);
  for (let number = 0; number < Number(times); number += 1) {
    if (number > 0) await sleep(Number(pause) * 1000);
    console.log(JSON.stringify(await client.claims()));
  }
} catch (error) {
  if (!(error instanceof AuthError)) throw error;
  console.error(`auth: ${error.message}`);
  process.exitCode = 1;
}
