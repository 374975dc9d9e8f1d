import { AnnealError } from "@anneal/contracts";
import { Admin, FindCoordinatorKeyTypes, findErrorBy, offsetCommitV8 } from "@platformatic/kafka";
import { accessDenied, brokerUnreachable, troubleOf } from "./errors.ts";
import { clientOptions, type KafkaConnection } from "./settings.ts";

/** A partition's next offset: what a group has read is before it. */
export interface GroupOffset {
  readonly partition: number;
  readonly offset: number;
}

/** Before the owner's name, in what is kept with each offset of a group. */
const ownerPrefix = "anneal run ";
/** The library tries so often: a coordinator that has just started is found at the second time. */
const retries = 3;

/**
 * The offsets that a cluster keeps for a consumer group: told, for whoever watches a group's lag, and never asked where to go on. With
 * each offset the name of the run is kept that the group belongs to: a group belongs to one run, for as long as the cluster remembers it
 * (`offsets.retention.minutes` after the last word).
 */
export class GroupOffsets implements AsyncDisposable {
  readonly group: string;
  readonly #topic: string;
  readonly #owner: string;
  readonly #brokers: readonly string[];
  readonly #admin: Admin;

  private constructor(group: string, topic: string, owner: string, brokers: readonly string[], admin: Admin) {
    this.group = group;
    this.#topic = topic;
    this.#owner = `${ownerPrefix}${owner}`;
    this.#brokers = brokers;
    this.#admin = admin;
  }

  /**
   * @param owner the run, by a name that no other run has nor will have
   * @throws AnnealError BROKER_ACCESS_DENIED, DATASET_NOT_FOUND for secrets and certificates that are not there
   */
  static async open(
    connection: KafkaConnection,
    { group, topic, owner }: { readonly group: string; readonly topic: string; readonly owner: string },
  ): Promise<GroupOffsets> {
    const admin = new Admin({ ...(await clientOptions(connection)), retries, retryDelay: 300 });
    return new GroupOffsets(group, topic, owner, connection.brokers, admin);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.close().catch(() => {});
  }

  /**
   * Tells the cluster where the run is.
   *
   * @throws AnnealError GROUP_TAKEN where the group is another's; BROKER_UNREACHABLE, BROKER_ACCESS_DENIED
   */
  async tell(offsets: readonly GroupOffset[]): Promise<void> {
    await this.#explained(async () => {
      const owner = await this.#ownerNow();
      if (owner !== null && owner !== this.#owner) throw groupTaken(this.group, owner);
      const [coordinator] = await this.#admin.findCoordinator({
        keyType: FindCoordinatorKeyTypes.GROUP,
        keys: [this.group],
      });
      const connection = await this.#admin.connections.get(coordinator!);
      const partitions = offsets.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: this.#owner,
      }));
      // As nobody's member: a group that has members is another's, and says so.
      await offsetCommitV8.api.async(connection, this.group, -1, "", null, [{ name: this.#topic, partitions }]);
    });
  }

  /** Gives the group up, as if it had never been taken. */
  async release(): Promise<void> {
    await this.#explained(async () => {
      if ((await this.#ownerNow()) === this.#owner) await this.#admin.deleteGroups({ groups: [this.group] });
    });
  }

  /** What is kept with the group's offsets; null for a group that has none. */
  async #ownerNow(): Promise<string | null> {
    const [found] = await this.#admin.listConsumerGroupOffsets({ groups: [this.group] });
    const kept = (found?.topics ?? []).flatMap(({ partitions }) => partitions);
    const own = kept.find(({ metadata }) => metadata !== this.#owner) ?? kept[0];
    return own === undefined ? null : (own.metadata ?? "");
  }

  async #explained(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      if (cause instanceof AnnealError) throw cause;
      const trouble = troubleOf(cause);
      if (trouble === "denied") throw accessDenied(this.#brokers, cause);
      if (findErrorBy(cause as Error, "apiId", "UNKNOWN_MEMBER_ID") !== null) throw groupTaken(this.group, "");
      throw trouble === "unreachable" ? brokerUnreachable(this.#brokers, cause, 0) : cause;
    }
  }
}

function groupTaken(group: string, owner: string): AnnealError {
  const isRun = owner.startsWith(ownerPrefix);
  const whose = isRun ? `the run ${owner.slice(ownerPrefix.length)}` : "consumers that are no run of Anneal";
  return new AnnealError(
    "GROUP_TAKEN",
    `The consumer group "${group}" belongs to ${whose}: two would overwrite each other's offsets.`,
    "Give this run a group of its own, or none: then it has one. A group that nobody uses any more can be deleted on the cluster.",
    { group, owner: isRun ? owner.slice(ownerPrefix.length) : owner },
  );
}
