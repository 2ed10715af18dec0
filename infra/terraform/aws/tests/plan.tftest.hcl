# `terraform test`: the whole module against a mocked AWS. No account, no credentials, nothing is made.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1c", "eu-central-1a", "eu-central-1b"] }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      arn      = "arn:aws:eks:eu-central-1:111122223333:cluster/charrec"
      identity = [{ oidc = [{ issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABCD" }] }]
    }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABCD" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/made" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/made" }
  }

  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123", latest_version = 1 }
  }
}

variables {
  region    = "eu-central-1"
  bucket    = "charrec-team"
  prefix    = "results/team"
  api_cidrs = ["203.0.113.7/32"]
}

run "a_bucket_that_loses_nothing_in_use" {
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.store.rule :
      alltrue([for end in rule.expiration : try(end.days, null) == null && try(end.date, null) == null])
    ])
    error_message = "A lifecycle rule expires current objects; checkpoints in use may be old."
  }

  assert {
    condition     = aws_s3_bucket_versioning.store.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket has no versions to go back to."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.store.policy).Statement[0].Resource[1] == "arn:aws:s3:::charrec-team/*"
    error_message = "The TLS-only policy is about another bucket."
  }

  assert {
    condition     = output.store == "s3://charrec-team/results/team"
    error_message = "CHARREC_STORE is ${output.store}."
  }
}

run "policies_for_this_bucket_and_prefix_alone" {
  assert {
    condition = alltrue([
      for policy in aws_iam_policy.store :
      alltrue([
        for resource in flatten([for each in jsondecode(policy.policy).Statement : each.Resource]) :
        resource == "arn:aws:s3:::charrec-team" || startswith(resource, "arn:aws:s3:::charrec-team/results/team/")
      ])
    ])
    error_message = "A policy reaches beyond the prefix."
  }
}

run "without_a_cluster_nothing_costs_by_the_hour" {
  variables {
    cluster = false
  }

  assert {
    condition     = length(module.cluster) == 0 && output.study_role_arn == null && output.cluster_name == null
    error_message = "A cluster is left."
  }

  assert {
    condition     = length(output.policy_arns) == 3 && length(output.secrets) == 2
    error_message = "Policies or secrets went with the cluster."
  }
}

run "roles_of_the_service_accounts" {
  module {
    source = "./cluster"
  }

  variables {
    name               = "charrec"
    kubernetes_version = null
    cpu_instance_type  = "m7i.xlarge"
    cpu_nodes          = { min = 1, max = 3 }
    gpu_instance_types = ["g6.xlarge"]
    gpu_capacity       = "SPOT"
    gpu_nodes          = 8
    accounts = {
      study = { namespace = "charrec", account = "charrec-study", policy = "arn:aws:iam::111122223333:policy/study" }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.account["study"].assume_role_policy).Statement[0].Condition.StringEquals == {
      "oidc.eks.eu-central-1.amazonaws.com/id/ABCD:aud" = "sts.amazonaws.com"
      "oidc.eks.eu-central-1.amazonaws.com/id/ABCD:sub" = "system:serviceaccount:charrec:charrec-study"
    }
    error_message = "Another account could take the study's role, or the study's could not."
  }

  assert {
    condition     = aws_eks_node_group.gpu.scaling_config[0].min_size == 0 && aws_eks_node_group.gpu.capacity_type == "SPOT"
    error_message = "GPUs run while nothing waits for them."
  }

  assert {
    condition     = [for subnet in aws_subnet.private : subnet.availability_zone] == ["eu-central-1a", "eu-central-1b"]
    error_message = "The zones are not the first two."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    region             = "cn-north-1x"
    bucket             = "Charrec.Team"
    prefix             = "results/*"
    name               = "C"
    noncurrent_days    = 0
    api_cidrs          = ["0.0.0.0/0"]
    kubernetes_version = "latest"
    cpu_instance_type  = "large"
    cpu_nodes          = { min = 0, max = 0 }
    gpu_instance_types = ["m7i.xlarge"]
    gpu_capacity       = "CHEAP"
    gpu_nodes          = 0
  }

  expect_failures = [
    var.region, var.bucket, var.prefix, var.name, var.noncurrent_days, var.api_cidrs, var.kubernetes_version,
    var.cpu_instance_type, var.cpu_nodes, var.gpu_instance_types, var.gpu_capacity, var.gpu_nodes,
  ]
}
