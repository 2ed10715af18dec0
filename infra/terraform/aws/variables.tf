variable "region" {
  description = "AWS region of everything, as in eu-central-1"
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}-[a-z]+-[0-9]$", var.region))
    error_message = "The region is ${var.region}; expected one of the commercial partition, as in eu-central-1."
  }
}

variable "bucket" {
  description = "Name of the bucket to be made, unique in the world"
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "The bucket is ${var.bucket}; expected 3 to 63 of a-z, 0-9 and hyphens, no dots (TLS), no hyphen at an end."
  }
}

variable "prefix" {
  description = "Where in the bucket the store lies; roles reach nothing else"
  type        = string
  default     = "results"

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$", var.prefix))
    error_message = "The prefix is ${var.prefix}; expected names parted by slashes, without wildcards and outer slashes."
  }
}

variable "name" {
  description = "Name of the cluster, and what the names of roles, policies and secrets begin with"
  type        = string
  default     = "charrec"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name is ${var.name}; expected 3 to 32 of a-z, 0-9 and hyphens, a letter first."
  }
}

variable "noncurrent_days" {
  description = "Days for which a replaced or deleted object can be brought back; current objects never expire"
  type        = number
  default     = 7

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 365 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days is ${var.noncurrent_days}; expected whole days from 1 to 365."
  }
}

variable "delete_data" {
  description = "Let destroy delete the bucket with everything in it, versions included; has to be applied before"
  type        = bool
  default     = false
}

variable "cluster" {
  description = "Whether there is a cluster; false takes away all that costs by the hour, and keeps bucket, policies, secrets"
  type        = bool
  default     = true
}

variable "api_cidrs" {
  description = "From where the cluster's API may be reached, as in [\"203.0.113.7/32\"]"
  type        = list(string)

  validation {
    condition     = length(var.api_cidrs) > 0 && alltrue([for cidr in var.api_cidrs : can(cidrnetmask(cidr)) && !endswith(cidr, "/0")])
    error_message = "api_cidrs is ${jsonencode(var.api_cidrs)}; expected at least one IPv4 range, and not the whole internet."
  }
}

variable "kubernetes_version" {
  description = "As in \"1.34\"; null: what EKS takes by default when the cluster is made"
  type        = string
  default     = null

  validation {
    condition     = var.kubernetes_version == null || can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version is ${jsonencode(var.kubernetes_version)}; expected one as in \"1.34\", or null."
  }
}

variable "cpu_instance_type" {
  description = "Of the nodes for studies and Prefect's server; x86-64, always on demand"
  type        = string
  default     = "m7i.xlarge"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[0-9a-z]+$", var.cpu_instance_type))
    error_message = "cpu_instance_type is ${var.cpu_instance_type}; expected a type as in m7i.xlarge."
  }
}

variable "cpu_nodes" {
  description = "Fewest and most nodes without a GPU; the fewest run all the time"
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 3 }

  validation {
    condition     = var.cpu_nodes.min >= 1 && var.cpu_nodes.max >= var.cpu_nodes.min
    error_message = "cpu_nodes is ${jsonencode(var.cpu_nodes)}; expected min at least 1, max at least min."
  }
}

variable "gpu_instance_types" {
  description = "Of the nodes for trainings and the search, alike in CPUs and memory; more types, fewer interruptions"
  type        = list(string)
  default     = ["g6.xlarge", "g5.xlarge", "g4dn.xlarge"] # each 4 CPUs, 16 GiB, one GPU

  validation {
    condition     = length(var.gpu_instance_types) > 0 && alltrue([for type in var.gpu_instance_types : can(regex("^(g|p)[0-9][a-z0-9-]*\\.", type))])
    error_message = "gpu_instance_types is ${jsonencode(var.gpu_instance_types)}; expected types with NVIDIA GPUs, as in g6.xlarge."
  }
}

variable "gpu_capacity" {
  description = "SPOT, which may be taken away (a training goes on from its last epoch), or ON_DEMAND"
  type        = string
  default     = "SPOT"

  validation {
    condition     = contains(["SPOT", "ON_DEMAND"], var.gpu_capacity)
    error_message = "gpu_capacity is ${var.gpu_capacity}; expected SPOT or ON_DEMAND."
  }
}

variable "gpu_nodes" {
  description = "Most nodes with a GPU at once; there are none while nothing waits for one"
  type        = number
  default     = 8

  validation {
    condition     = var.gpu_nodes >= 1 && floor(var.gpu_nodes) == var.gpu_nodes
    error_message = "gpu_nodes is ${var.gpu_nodes}; expected a whole number from 1 on."
  }
}
