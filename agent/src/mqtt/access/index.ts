export { aclSchema } from './acl-rules.ts';
export { IDENTIFIER_REJECTED, LoginRefused } from './login-refused.ts';
export { type AccessSettings, MqttAccess } from './mqtt-access.ts';
export { hashPassword, type PasswordHash } from './password-hash.ts';
export { UserLogins } from './user-logins.ts';
export {
  assertUserName,
  readUsersFile,
  type UsersFile,
  usersOf,
  withUser,
  writeUsersFile,
} from './users-file.ts';
