import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { datasetNotFound, requireNames, unknownClass } from "../errors.ts";
import { digestFiles } from "../files/content-digest.ts";
import { type DataFile, describeAll, type FilePattern, findFiles } from "../files/find-files.ts";
import { KeyWriter } from "../keys.ts";
import { allocateShared } from "../shared-memory.ts";
import { shareStrings } from "../shared-strings.ts";
import { type CheckedSource, noBadRecords, type SourceContext } from "../source.ts";
import { decoderVersion, type ImageSpec } from "./decode-image.ts";
import type { ImageFileHandles } from "./image-reader.ts";

/** Images in folders, one for each class. */
export interface ImageFolderDeclaration extends ImageSpec {
  readonly kind: "imageFolder";
  /** A directory, absolute, with a folder for each class; or patterns of files, each in the folder of its class. */
  readonly files: { readonly directory: string } | readonly FilePattern[];
  /** The classes in their order; null: the folders by name. */
  readonly classNames: readonly string[] | null;
}

export interface ImageFolderOptions {
  /** Absolute path of a directory that has a folder for each class, each with images at any depth. */
  readonly directory?: string;
  /** In its place: a pattern of image files, or several. The class of each is the name of the folder that it lies in. */
  readonly files?: FilePattern | readonly FilePattern[];
  readonly height: number;
  readonly width: number;
  /** 3 by default: red, green, blue; 1 for grey. */
  readonly channels?: 1 | 3;
  /** How an image gets the size: `cover` (default) cuts off what is beyond, `contain` shows all with black beside, `fill` stretches. */
  readonly fit?: ImageSpec["fit"];
  /** The classes in their order, for a part of the data that may lack some; by default the folders by name. */
  readonly classNames?: readonly string[];
}

const imageFile = /\.(jpe?g|png|webp)$/i;

/**
 * Images by folders: inputs uint8[height, width, channels] (0..255), labels int32 scalars, the place of the folder's name among
 * `classNames`.
 *
 * @throws RangeError for a size that is no integer from 1, unless exactly one of `directory` and `files` is
 *   given, or for classNames that are none or not different
 */
export function imageFolderSource(options: ImageFolderOptions): ImageFolderDeclaration {
  const { directory, files, height, width, channels = 3, fit = "cover", classNames = null } = options;
  for (const size of [height, width]) {
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`height and width must be integers from 1, not ${size}`);
  }
  requireNames("classNames", classNames);
  if ((directory === undefined) === (files === undefined)) {
    throw new RangeError("imageFolder needs a directory or files, and not both");
  }
  const found = directory === undefined ? ([files].flat() as readonly FilePattern[]) : { directory };
  return { kind: "imageFolder", files: found, height, width, channels, fit, classNames };
}

/**
 * Finds the images; none is decoded before it is read. Throws `DATASET_NOT_FOUND`, and `DATASET_SCHEMA` for an image that lies in no
 * folder of a class, or in one that is none of `classNames`.
 */
export async function openImageFolder(
  declaration: ImageFolderDeclaration,
  context: SourceContext,
): Promise<CheckedSource<ImageFileHandles>> {
  const { height, width, channels, fit } = declaration;
  const files = await findImages(declaration, context);
  const classOf = files.map((file) => className(file, declaration));
  const classNames = declaration.classNames ?? [...new Set(classOf)].sort((a, b) => (a < b ? -1 : 1));
  const labels = new Int32Array(allocateShared(4 * files.length), 0, files.length);
  const keys = new KeyWriter(files.length);
  const classIndex = new Map(classNames.map((name, index) => [name, index]));
  files.forEach((file, index) => {
    const label = classIndex.get(classOf[index]!);
    if (label === undefined) throw unknownClass(file.path, classOf[index]!, classNames);
    labels[index] = label;
    keys.setName(index, `${classOf[index]}/${file.name}`);
  });
  const spec: ImageSpec = { height, width, channels, fit };
  return {
    numSamples: files.length,
    numClasses: classNames.length,
    classNames,
    input: { shape: [height, width, channels], dtype: "uint8" },
    label: { shape: [], dtype: "int32" },
    columns: null,
    digest: await digestOf(files, { spec, decoderVersion, classNames, labels: [...labels] }, context),
    canSeek: true,
    keys: keys.keys,
    badRecords: noBadRecords,
    handles: { kind: "imageFiles", paths: shareStrings(files.map(({ path }) => path)), labels, spec },
  };
}

async function findImages({ files }: ImageFolderDeclaration, context: SourceContext): Promise<DataFile[]> {
  if (!("directory" in files)) return (await findFiles(files, context)).filter(({ name }) => imageFile.test(name));
  const { directory } = files;
  if (!isAbsolute(directory)) throw datasetNotFound(directory, new Error("the path is not absolute"));
  const entries = await readdir(directory, { recursive: true }).catch((cause) => {
    throw datasetNotFound(directory, cause);
  });
  const paths = entries.filter((name) => imageFile.test(name)).map((name) => join(directory, name));
  const found = await describeAll(paths, directory, context.signal);
  if (found.length > 0) return found;
  throw datasetNotFound(directory, new Error("it holds no .jpg, .jpeg, .png or .webp files"));
}

function className({ path, name }: DataFile, { files }: ImageFolderDeclaration): string {
  const folders = ("directory" in files ? name : path).split("/");
  const folder = "directory" in files ? folders[0] : folders.at(-2);
  if (folders.length > 1 && folder) return folder;
  throw new AnnealError(
    "DATASET_SCHEMA",
    `${path} lies in no folder of a class.`,
    "Put each image into a folder that is called after its class.",
    { path, expected: "a folder for each class", found: "an image beside the folders" },
  );
}

async function digestOf(files: readonly DataFile[], meaning: object, context: SourceContext): Promise<string> {
  const contents = await digestFiles(files, context);
  const hash = createHash("sha256").update(JSON.stringify(meaning));
  files.forEach(({ name }, index) => {
    hash.update(`\n${contents[index]} ${name}`);
  });
  return hash.digest("hex");
}
